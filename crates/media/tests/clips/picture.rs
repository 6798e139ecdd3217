//! What is seen.

use omniva_contracts::geometry::{Rect, Span};
use omniva_contracts::jobs::RenderJob;
use omniva_contracts::plan::{CropKey, Layout, LogoPlan, Scene};

use crate::tools::*;

const SMALL: (u32, u32) = (270, 480);
const TALK: &str = "anoisesrc=r=48000:c=pink:a=0.3:s=7,volume=0.5+0.5*sin(9*t):eval=frame";

/// Mean colour of a cell given as fractions of the frame.
fn colour(frame: &[u8], size: (usize, usize), cell: (f64, f64, f64, f64)) -> [f64; 3] {
    let (w, h) = (size.0 as f64, size.1 as f64);
    let (mut sum, mut n) = ([0.0; 3], 0.0);
    for y in (cell.1 * h) as usize..(cell.3 * h) as usize {
        for x in (cell.0 * w) as usize..(cell.2 * w) as usize {
            for (s, v) in sum.iter_mut().zip(&frame[3 * (y * size.0 + x)..]) {
                *s += f64::from(*v);
            }
            n += 1.0;
        }
    }
    sum.map(|s| s / n)
}

fn near(a: [f64; 3], b: [f64; 3], by: f64) -> bool {
    a.iter().zip(b).all(|(a, b)| (a - b).abs() <= by)
}

/// Red on the left, blue on the right.
const TWO: &str = "color=c=red:s=640x360:r=30,drawbox=x=320:w=320:h=360:color=blue:t=fill";

#[test]
fn a_slow_pan_moves_evenly() {
    // A white post in the dark; the crop creeps over it, 26 source pixels in three seconds.
    let picture = "color=c=0x202020:s=640x360:r=30,drawbox=x=300:w=24:h=360:color=white:t=fill";
    let bench = Bench::new(Some(picture), Some(TALK), 3.2);
    let rect = |x: f64| Rect::new(x, 0.0, 0.316_406_25, 1.0);
    let keys = vec![CropKey { out: 0.0, rect: rect(0.32) }, CropKey { out: 3.0, rect: rect(0.36) }];
    let mut plan = plan(3.0, 30, (540, 960), Layout::Single { keys });
    plan.encode.crf = 10;
    let job = bench.job(plan, Some((640, 360, 30.0)), true);
    let rendered = render(&job);
    assert_passed(&check(&job, &rendered));
    let middle: Vec<f64> = grey(&bench.out().join("clip.mp4"), 540, 2)
        .iter()
        .map(|f| {
            let (mut sum, mut at) = (0.0, 0.0);
            for (x, v) in f[..540].iter().enumerate() {
                let light = (f64::from(*v) - 40.0).max(0.0);
                sum += light;
                at += light * x as f64;
            }
            at / sum
        })
        .collect();
    assert_eq!(middle.len(), 90);
    let whole = middle[0] - middle[89];
    assert!((60.0..80.0).contains(&whole), "moved {whole}");
    let step = whole / 89.0;
    for pair in middle.windows(2) {
        assert!((pair[0] - pair[1] - step).abs() < 0.3, "a step of {} instead of {step}", pair[0] - pair[1]);
    }
}

#[test]
fn a_zoom_changes_the_size_and_keeps_the_middle() {
    let picture = "color=c=black:s=640x360:r=30,drawbox=x=290:y=150:w=60:h=60:color=white:t=fill";
    let bench = Bench::new(Some(picture), Some(TALK), 2.1);
    let around = |w: f64, h: f64| Rect::new(0.5 - w / 2.0, 0.5 - h / 2.0, w, h);
    let keys =
        vec![CropKey { out: 0.0, rect: around(0.316_406_25, 1.0) }, CropKey { out: 2.0, rect: around(0.253_125, 0.8) }];
    let job = bench.job(plan(2.0, 30, SMALL, Layout::Single { keys }), Some((640, 360, 30.0)), true);
    render(&job);
    let frames = grey(&bench.out().join("clip.mp4"), 270, 480);
    let lit = |f: &[u8]| f.iter().filter(|v| **v > 128).count() as f64;
    let growth = lit(&frames[59]) / lit(&frames[0]);
    assert!((growth - 1.5625).abs() < 0.06, "{growth}");
    let centre: f64 = frames[59].iter().enumerate().filter(|(_, v)| **v > 128).map(|(i, _)| (i % 270) as f64).sum();
    assert!((centre / lit(&frames[59]) - 134.5).abs() < 1.0);
}

#[test]
fn two_people_stand_above_each_other_or_side_by_side() {
    let bench = Bench::new(Some(TWO), Some(TALK), 1.2);
    let crop = |x: f64| vec![CropKey { out: 0.0, rect: Rect::new(x, 0.1, 0.4, 0.8) }];
    let layout = Layout::Split { first: crop(0.05), second: crop(0.55) };
    let video = Some((640, 360, 30.0));
    for (size, first, second) in [
        (SMALL, (0.1, 0.05, 0.9, 0.45), (0.1, 0.55, 0.9, 0.95)),
        ((480, 270), (0.05, 0.1, 0.45, 0.9), (0.55, 0.1, 0.95, 0.9)),
    ] {
        let job = bench.job(plan(1.0, 30, size, layout.clone()), video, true);
        let rendered = render(&job);
        assert_passed(&check(&job, &rendered));
        let size = (size.0 as usize, size.1 as usize);
        let frames = rgb(&bench.out().join("clip.mp4"), size.0, size.1);
        assert!(near(colour(&frames[10], size, first), [255.0, 0.0, 0.0], 6.0));
        assert!(near(colour(&frames[10], size, second), [0.0, 0.0, 255.0], 6.0));
    }
}

#[test]
fn a_fitted_picture_stands_whole_on_a_dark_soft_copy() {
    let bench = Bench::new(Some(TWO), Some(TALK), 1.2);
    let job = bench.job(plan(1.0, 30, SMALL, Layout::Fit { rect: Rect::FULL }), Some((640, 360, 30.0)), true);
    let rendered = render(&job);
    assert_passed(&check(&job, &rendered));
    let frames = rgb(&bench.out().join("clip.mp4"), 270, 480);
    // 270 × 152 in the middle of 480 rows.
    assert!(near(colour(&frames[10], (270, 480), (0.05, 0.36, 0.45, 0.64)), [255.0, 0.0, 0.0], 6.0));
    assert!(near(colour(&frames[10], (270, 480), (0.55, 0.36, 0.95, 0.64)), [0.0, 0.0, 255.0], 6.0));
    let above = colour(&frames[10], (270, 480), (0.02, 0.05, 0.2, 0.3));
    assert!(above[0] > 60.0 && above[0] < 200.0 && above[2] < 60.0, "{above:?}");
}

#[test]
fn scenes_change_exactly_at_the_shot() {
    // The source turns from red to blue at 1.0 s; the crop changes there too, at 25 fps in and 30 fps out.
    let picture = "color=c=red:s=320x180:r=25,drawbox=x=160:w=160:h=180:color=yellow:t=fill:enable='lt(t,0.99)',\
        drawbox=w=160:h=180:color=blue:t=fill:enable='gte(t,0.99)',drawbox=x=160:w=160:h=180:color=lime:t=fill:enable='gte(t,0.99)'";
    let bench = Bench::new(Some(picture), Some(TALK), 2.2);
    let mut plan = plan(2.0, 30, (240, 240), still(Rect::new(0.0, 0.0, 0.5, 1.0)));
    let scene = |start, end, x| Scene {
        out: Span::new(start, end),
        layout: still(Rect::new(x, 0.0, 0.4, 0.7)),
        why: String::new(),
    };
    plan.scenes = vec![scene(0.0, 1.0, 0.0), scene(1.0, 2.0, 0.6)];
    let job = bench.job(plan, Some((320, 180, 25.0)), true);
    render(&job);
    let frames = rgb(&bench.out().join("clip.mp4"), 240, 240);
    assert_eq!(frames.len(), 60);
    for (i, f) in frames.iter().enumerate() {
        let seen = colour(f, (240, 240), (0.2, 0.2, 0.8, 0.8));
        let old = near(seen, [255.0, 0.0, 0.0], 40.0);
        let new = near(seen, [0.0, 255.0, 0.0], 40.0);
        assert!(old || new, "frame {i} shows a wrong half: {seen:?}");
        assert_eq!(old, i < 30, "frame {i}");
    }
}

#[test]
fn every_frame_is_the_right_one() {
    // The brightness of a frame tells its number; long groups of pictures with B-frames, so that seeking and hurrying
    // through the run-up have something to get wrong.
    let picture = "color=c=gray:s=160x90:r=25,geq=lum='30+mod(N*7\\,190)':cb=128:cr=128";
    let bench = Bench::with(Some(picture), Some(TALK), 20.0, &["-preset", "medium", "-g", "250", "-crf", "5"]);
    for fps in [25, 30, 60] {
        let mut plan = plan(1.0, fps, (90, 160), still(Rect::new(0.3, 0.0, 0.316, 1.0)));
        plan.encode.crf = 5;
        keep(&mut plan, &[(3.013, 3.907), (4.4, 4.95), (8.111, 9.0), (12.75, 13.3), (13.31, 14.02), (17.9, 18.5)]);
        let expected: Vec<f64> = (0..(plan.duration() * f64::from(fps)).round() as u64)
            .map(|n| {
                let out = (n as f64 + 0.5) / f64::from(fps);
                let part = plan.keep.iter().rfind(|k| k.out <= out).unwrap();
                let source = (part.source.start + out - part.out).min(part.source.end - 1e-3);
                let number = (source * 25.0 + 0.0125).floor();
                (30.0 + (number * 7.0) % 190.0 - 16.0) * 255.0 / 219.0
            })
            .collect();
        render(&bench.job(plan, Some((160, 90, 25.0)), true));
        let frames = grey(&bench.out().join("clip.mp4"), 1, 1);
        assert_eq!(frames.len(), expected.len());
        for (i, (frame, expected)) in frames.iter().zip(expected).enumerate() {
            assert!((f64::from(frame[0]) - expected).abs() < 3.5, "{fps} fps, frame {i}: {} for {expected}", frame[0]);
        }
    }
}

#[test]
fn sixty_frames_a_second_are_even() {
    let bench = Bench::new(Some("testsrc2=s=640x360:r=60"), Some(TALK), 2.2);
    let job = bench.job(plan(2.0, 60, SMALL, still(Rect::new(0.3, 0.0, 0.316, 1.0))), Some((640, 360, 60.0)), true);
    let rendered = render(&job);
    assert_passed(&check(&job, &rendered));
    assert_eq!(rendered.frames, 120);
    let frames = grey(&bench.out().join("clip.mp4"), 135, 240);
    let same = frames.windows(2).filter(|w| w[0] == w[1]).count();
    assert_eq!(same, 0, "every frame of a 60 fps source is new");
}

#[test]
fn sound_alone_gets_a_moving_waveform() {
    let bench = Bench::new(None, Some("sine=f=220:r=48000:d=4,volume=0.5+0.5*sin(7*t):eval=frame"), 4.0);
    let mut plan = plan(3.5, 30, SMALL, Layout::Waveform);
    plan.brand.accent = "#FF4060".into();
    let job = bench.job(plan, None, true);
    let rendered = render(&job);
    assert_passed(&check(&job, &rendered));
    assert!(rendered.longest_still < 0.5);
    assert!(bench.out().join("clip.jpg").is_file());
}

#[test]
fn logo_intro_and_outro_are_shown_where_they_belong() {
    let bench = Bench::new(Some("color=c=gray:s=640x360:r=30"), Some(TALK), 2.2);
    let at = |name: &str| bench.out().join(name);
    ffmpeg(&["-f", "lavfi", "-i", "color=c=lime:s=64x64", "-frames:v", "1", at("logo.png").to_str().unwrap()]);
    ffmpeg(&["-f", "lavfi", "-i", "color=c=red:s=270x480", "-frames:v", "1", at("intro.png").to_str().unwrap()]);
    let outro = at("outro.mp4");
    let tone = ["-f", "lavfi", "-i", "color=c=blue:s=270x480:r=25", "-f", "lavfi", "-i", "sine=f=440", "-t", "1"];
    ffmpeg(&[tone.as_slice(), &["-pix_fmt", "yuv420p", outro.to_str().unwrap()]].concat());
    let mut plan = plan(2.0, 30, SMALL, still(Rect::new(0.3, 0.0, 0.316, 1.0)));
    plan.brand.logo = Some(LogoPlan { file: at("logo.png"), area: Rect::new(0.8, 0.05, 0.15, 0.1), opacity: 1.0 });
    plan.brand.intro = Some(at("intro.png"));
    plan.brand.outro = Some(outro);
    let job = bench.job(plan, Some((640, 360, 30.0)), true);
    let rendered = render(&job);
    assert_eq!((rendered.frames, rendered.extra_seconds), (150, 3.0));
    assert_passed(&check(&job, &rendered));
    let frames = rgb(&bench.out().join("clip.mp4"), 270, 480);
    let whole = (0.1, 0.1, 0.7, 0.9);
    assert!(near(colour(&frames[30], (270, 480), whole), [255.0, 0.0, 0.0], 8.0));
    assert!(near(colour(&frames[59], (270, 480), whole), [255.0, 0.0, 0.0], 8.0));
    assert!(near(colour(&frames[60], (270, 480), whole), [128.0, 128.0, 128.0], 8.0));
    assert!(near(colour(&frames[60], (270, 480), (0.83, 0.08, 0.92, 0.12)), [0.0, 255.0, 0.0], 12.0));
    assert!(near(colour(&frames[119], (270, 480), whole), [128.0, 128.0, 128.0], 8.0));
    assert!(near(colour(&frames[120], (270, 480), whole), [0.0, 0.0, 255.0], 8.0));
}

/// A second of a still picture in grey, for captions on it.
fn grey_second() -> (Bench, RenderJob) {
    let bench = Bench::new(Some("color=c=0x303030:s=640x360:r=30"), Some(TALK), 1.2);
    let job = bench.job(plan(1.0, 30, SMALL, still(Rect::new(0.3, 0.0, 0.316, 1.0))), Some((640, 360, 30.0)), true);
    (bench, job)
}

#[test]
fn captions_are_drawn_whatever_the_path_is_called() {
    let (bench, mut job) = grey_second();
    let folder = bench.out().join("it's, [a]:\\ 'path' ünï;=x");
    std::fs::create_dir(&folder).unwrap();
    let script = folder.join("captions.ass");
    let text = "[Script Info]\nScriptType: v4.00+\nPlayResX: 270\nPlayResY: 480\n\n[V4+ Styles]\nFormat: Name, Fontname, Fontsize, \
        PrimaryColour, Alignment\nStyle: A,Lato Black,60,&H00FFFFFF,5\n\n[Events]\nFormat: Layer, Start, End, Style, Text\n\
        Dialogue: 0,0:00:00.50,0:00:01.00,A,HELLO\n";
    std::fs::write(&script, text).unwrap();
    job.ass = Some(script);
    job.out_dir = folder.clone();
    render(&job);
    assert_eq!(listing(&folder), ["captions.ass", "clip.jpg", "clip.mp4"]);
    let frames = grey(&folder.join("clip.mp4"), 270, 480);
    let lit = |f: &[u8]| f.iter().filter(|v| **v > 180).count();
    assert_eq!(lit(&frames[14]), 0);
    assert!(lit(&frames[15]) > 500 && lit(&frames[29]) > 500);
}

#[test]
fn captions_look_as_ffmpeg_draws_them_and_keep_their_colour() {
    let (bench, mut job) = grey_second();
    let script = bench.out().join("captions.ass");
    // Outline, a translucent shadow, a growing word and a filled box.
    let text = "[Script Info]\nScriptType: v4.00+\nPlayResX: 270\nPlayResY: 480\nScaledBorderAndShadow: yes\n\n[V4+ Styles]\n\
        Format: Name, Fontname, Fontsize, PrimaryColour, OutlineColour, BackColour, BorderStyle, Outline, Shadow, Alignment\n\
        Style: A,Lato Black,41,&H00FFFFFF,&H00000000,&H90000000,1,3,2,5\n\n\
        [Events]\nFormat: Layer, Start, End, Style, Text\n\
        Dialogue: 1,0:00:00.20,0:00:01.00,A,{\\pos(135.3,240.7)\\t(0,300,\\fscx120\\fscy120)}Words\n\
        Dialogue: 0,0:00:00.20,0:00:01.00,A,{\\an7\\pos(31,61)\\bord0\\shad0\\1c&H00D4FF&\\p1}m 0 0 l 90 0 90 50 0 50{\\p0}\n";
    std::fs::write(&script, text).unwrap();
    job.ass = Some(script.clone());
    render(&job);
    let theirs = bench.out().join("theirs.mkv");
    let drawn = format!("ass={}:fontsdir={}", script.display(), job.fonts.display());
    let plain = "color=c=0x303030:s=270x480:r=30:d=1";
    ffmpeg(&["-f", "lavfi", "-i", plain, "-vf", &drawn, "-c:v", "ffv1", theirs.to_str().unwrap()]);
    let (ours, theirs) = (grey(&bench.out().join("clip.mp4"), 270, 480), grey(&theirs, 270, 480));
    assert_eq!(ours.len(), theirs.len());
    // The words alone: FFmpeg's filter takes colours by the matrix of standard definition.
    let words = 150 * 270..330 * 270;
    for (i, (a, b)) in ours.iter().zip(&theirs).enumerate() {
        let (a, b) = (&a[words.clone()], &b[words.clone()]);
        let lit = b.iter().filter(|v| **v > 180).count();
        assert_eq!(lit > 300, i >= 6, "frame {i}: {lit}");
        let off = a.iter().zip(b).map(|(x, y)| f64::from(x.abs_diff(*y))).sum::<f64>() / a.len() as f64;
        assert!(off < 1.0, "frame {i} differs by {off}");
    }
    let frames = rgb(&bench.out().join("clip.mp4"), 270, 480);
    let boxed = colour(&frames[20], (270, 480), (0.15, 0.15, 0.4, 0.2));
    assert!(near(boxed, [255.0, 212.0, 0.0], 4.0), "{boxed:?}");
}

#[test]
fn a_caption_script_that_is_no_script_is_refused() {
    let (bench, mut job) = grey_second();
    let script = bench.out().join("captions.ass");
    std::fs::write(&script, [0u8, 159, 146, 150]).unwrap();
    job.ass = Some(script);
    let fault = omniva_media::render::render(&job, &omniva_contracts::Silent).expect_err("refused");
    assert_eq!(fault.code.as_str(), "encoder_failed", "{fault:?}");
    assert_eq!(listing(bench.out()), ["captions.ass", "source.mp4"]);
}

#[test]
fn colours_survive_whatever_the_source_calls_them() {
    // The same orange as BT.601 and as full range must come out the same.
    let orange = "color=c=0xE08030:s=640x360:r=30";
    let video = Some((640, 360, 30.0));
    for filter in [
        "scale=out_color_matrix=bt601,setparams=colorspace=smpte170m",
        "scale=out_color_matrix=bt709:out_range=full,setparams=colorspace=bt709:range=pc",
        "scale=out_color_matrix=bt709,setparams=colorspace=bt709",
    ] {
        let full = if filter.contains("full") { "pc" } else { "tv" };
        let space = if filter.contains("bt601") { "smpte170m" } else { "bt709" };
        let extra = ["-vf", filter, "-color_range", full, "-colorspace", space];
        let bench = Bench::with(Some(orange), Some(TALK), 0.6, &extra);
        let job = bench.job(plan(0.5, 30, SMALL, still(Rect::new(0.3, 0.0, 0.316, 1.0))), video, true);
        render(&job);
        let frames = rgb(&bench.out().join("clip.mp4"), 270, 480);
        let seen = colour(&frames[5], (270, 480), (0.1, 0.1, 0.9, 0.9));
        assert!(near(seen, [224.0, 128.0, 48.0], 5.0), "{filter}: {seen:?}");
    }
}

#[test]
fn the_thumbnail_is_the_frame_wished_for() {
    let bench = Bench::new(Some("color=c=red:s=640x360:r=30,hue=h='90*t'"), Some(TALK), 3.2);
    let mut job = bench.job(plan(3.0, 30, SMALL, still(Rect::new(0.3, 0.0, 0.316, 1.0))), Some((640, 360, 30.0)), true);
    job.thumbnail_times = vec![2.0];
    let rendered = render(&job);
    assert!((rendered.thumbnail_time - 2.0).abs() <= 0.21);
    let image = image::open(bench.out().join("clip.jpg")).unwrap().to_rgb8();
    assert_eq!(image.dimensions(), SMALL);
    let frame = &rgb(&bench.out().join("clip.mp4"), 270, 480)[(rendered.thumbnail_time * 30.0).round() as usize];
    let clip = colour(frame, (270, 480), (0.2, 0.2, 0.8, 0.8));
    let jpeg = colour(image.as_raw(), (270, 480), (0.2, 0.2, 0.8, 0.8));
    assert!(near(clip, jpeg, 6.0), "{clip:?} {jpeg:?}");
}

#[test]
fn deep_and_full_chroma_sources_are_converted() {
    for format in ["yuv420p10le", "yuv444p", "yuv422p10le"] {
        let extra =
            ["-pix_fmt", format, "-vf", "scale=out_color_matrix=bt709", "-colorspace", "bt709", "-color_range", "tv"];
        let bench = Bench::with(Some("color=c=0xE08030:s=640x360:r=30"), Some(TALK), 0.6, &extra);
        let job = bench.job(plan(0.5, 30, SMALL, still(Rect::new(0.3, 0.0, 0.316, 1.0))), Some((640, 360, 30.0)), true);
        let rendered = render(&job);
        assert_eq!(rendered.frames, 15);
        let frames = rgb(&bench.out().join("clip.mp4"), 270, 480);
        let seen = colour(&frames[5], (270, 480), (0.1, 0.1, 0.9, 0.9));
        assert!(near(seen, [224.0, 128.0, 48.0], 5.0), "{format}: {seen:?}");
    }
}
