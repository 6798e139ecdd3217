//! What is heard.

use omniva_contracts::geometry::{Rect, Span};
use omniva_contracts::plan::Layout;

use crate::tools::*;

const SMALL: (u32, u32) = (180, 320);
const GREY: &str = "color=c=gray:s=320x180:r=25";

fn crop() -> Layout {
    still(Rect::new(0.3, 0.0, 0.316, 1.0))
}

#[test]
fn flash_and_beep_stay_together_through_cuts() {
    // Every second a flash of two frames with a beep of 80 ms.
    let picture = "color=c=black:s=320x180:r=25,drawbox=w=320:h=180:color=white:t=fill:enable='lt(mod(t,1),0.079)'";
    // With some hiss, so that every filter of the chain has work to do: none of them may delay the sound.
    let sound = "aevalsrc='0.5*sin(2*PI*1000*t)*lt(mod(t,1),0.08)+0.004*(random(0)-0.5)':s=48000";
    let bench = Bench::new(Some(picture), Some(sound), 12.0);
    for fps in [30, 60] {
        let mut plan = plan(1.0, fps, SMALL, crop());
        keep(&mut plan, &[(0.513, 2.307), (3.411, 4.777), (5.9, 7.213), (8.65, 11.321)]);
        let total = plan.duration();
        let job = bench.job(plan, Some((320, 180, 25.0)), true);
        let rendered = render(&job);
        let report = check(&job, &rendered);
        assert!(report.av_drift_ms.abs() < 1.0 && report.av_offset_ms.abs() < 1.0, "{report:?}");
        assert!((report.duration - total).abs() < 0.5 / f64::from(fps) + 1e-6);
        let clip = bench.out().join("clip.mp4");
        let frames = grey(&clip, 18, 32);
        let light: Vec<bool> = frames.iter().map(|f| f[300] > 128).collect();
        let flashes: Vec<f64> =
            (1..light.len()).filter(|i| light[*i] && !light[i - 1]).map(|i| i as f64 / f64::from(fps)).collect();
        let heard = samples(&clip);
        let loud: Vec<bool> = heard.chunks(48).map(|w| w.iter().any(|v| v.abs() > 0.05)).collect();
        let mut beeps: Vec<f64> = Vec::new();
        for i in 1..loud.len() {
            let quiet_before = loud[i.saturating_sub(30)..i].iter().all(|l| !l);
            if loud[i] && quiet_before {
                beeps.push(i as f64 / 1000.0);
            }
        }
        assert_eq!(flashes.len(), beeps.len(), "{flashes:?} {beeps:?}");
        assert!(flashes.len() >= 6);
        for (flash, beep) in flashes.iter().zip(&beeps) {
            assert!((flash - beep).abs() < 0.034, "flash at {flash}, beep at {beep}");
        }
    }
}

#[test]
fn cuts_do_not_click() {
    // A tone cut at arbitrary phases: without fades every cut would be a step, heard as energy far above the tone.
    let bench = Bench::new(Some(GREY), Some("sine=f=97:r=48000,volume=6"), 8.0);
    let mut plan = plan(1.0, 30, SMALL, crop());
    keep(&mut plan, &[(0.1, 1.337), (1.9041, 3.1111), (3.777, 5.0031), (5.505, 7.2)]);
    plan.audio.denoise = false;
    plan.audio.deess = false;
    plan.audio.compress_ratio = 1.0;
    let job = bench.job(plan, Some((320, 180, 25.0)), true);
    render(&job);
    let heard = samples(&bench.out().join("clip.mp4"));
    let peak = heard.iter().fold(0.0f32, |a, v| a.max(v.abs()));
    // The steepest step between neighbours of a pure tone is 2π·97/48000 of its amplitude, 0.0127.
    let steepest = heard.windows(2).map(|w| (w[1] - w[0]).abs()).fold(0.0f32, f32::max);
    assert!(steepest < 0.03 * peak, "a step of {} of the peak", steepest / peak);
}

#[test]
fn real_speech_reaches_the_target_after_aac() {
    let source = panel();
    let dir = tempfile::tempdir().unwrap();
    for (start, end) in [(5.0, 17.0), (60.0, 70.0), (104.0, 116.0), (136.0, 148.0), (170.0, 182.0)] {
        let mut plan = plan(1.0, 30, (90, 160), crop());
        keep(&mut plan, &[(start, start + 3.3), (start + 3.9, start + 7.0), (start + 7.2, end)]);
        let job = job_for(&source, dir.path(), plan, Some((1280, 720, 25.0)), true);
        let rendered = render(&job);
        let report = check(&job, &rendered);
        assert!((report.integrated_lufs + 14.0).abs() <= 0.3, "{start}: {} LUFS", report.integrated_lufs);
        assert!(report.true_peak_dbtp <= -1.0, "{start}: {} dBTP", report.true_peak_dbtp);
        assert!((rendered.loudness_after - report.integrated_lufs).abs() < 0.2);
    }
}

#[test]
fn the_repair_knobs_move_loudness_and_ceiling() {
    let bench = Bench::new(Some(GREY), Some("anoisesrc=r=48000:c=pink:a=0.3:s=7"), 4.2);
    let mut job = bench.job(plan(4.0, 30, SMALL, crop()), Some((320, 180, 25.0)), true);
    job.gain_db = -2.0;
    job.ceiling_offset_db = -3.0;
    let rendered = render(&job);
    let report = check(&job, &rendered);
    assert!((report.integrated_lufs + 16.0).abs() < 0.4, "{}", report.integrated_lufs);
    assert!(report.true_peak_dbtp <= -4.0, "{}", report.true_peak_dbtp);
}

#[test]
fn a_source_without_sound_gets_a_silent_track() {
    let bench = Bench::new(Some("testsrc2=s=320x180:r=25"), None, 2.2);
    let job = bench.job(plan(2.0, 30, SMALL, crop()), Some((320, 180, 25.0)), false);
    let rendered = render(&job);
    assert!(!rendered.has_sound);
    assert_passed(&check(&job, &rendered));
    let clip = bench.out().join("clip.mp4");
    assert_eq!(probe(&clip, "a", "stream=codec_name,sample_rate,channels"), "aac,48000,2");
    assert!(samples(&clip).iter().all(|v| v.abs() < 1e-4));
}

#[test]
fn faint_hiss_is_not_raised_to_a_roar() {
    // About −75 LUFS and about −55 LUFS.
    for (volume, has_sound) in [("0.0006", false), ("0.006", false), ("0.05", true)] {
        let noise = format!("anoisesrc=r=48000:c=white:a={volume}:s=3");
        let bench = Bench::new(Some("testsrc2=s=320x180:r=25"), Some(&noise), 3.2);
        let job = bench.job(plan(3.0, 30, SMALL, crop()), Some((320, 180, 25.0)), true);
        let rendered = render(&job);
        let report = check(&job, &rendered);
        assert_eq!(rendered.has_sound, has_sound, "{rendered:?}");
        let raised = report.integrated_lufs - rendered.loudness_before;
        assert!(raised <= omniva_media::master::MAX_GAIN_DB + 0.5, "{volume}: raised by {raised}");
        assert_passed(&report);
    }
}

#[test]
fn other_sample_rates_and_mono_keep_their_pitch_and_length() {
    let bench = Bench::with(Some(GREY), Some("sine=f=1000:r=22050"), 5.0, &["-ar", "22050", "-ac", "1"]);
    let mut plan = plan(4.0, 30, SMALL, crop());
    plan.keep[0].source = Span::new(0.5, 4.5);
    let job = bench.job(plan, Some((320, 180, 25.0)), true);
    let rendered = render(&job);
    let report = check(&job, &rendered);
    assert!(report.av_drift_ms.abs() < 1.0);
    let heard = samples(&bench.out().join("clip.mp4"));
    let middle = &heard[48_000..96_000];
    let crossings = middle.windows(2).filter(|w| w[0] <= 0.0 && w[1] > 0.0).count();
    assert!((999..=1001).contains(&crossings), "{crossings} Hz");
    let last = &heard[4 * 48_000 - 2400..4 * 48_000 - 1200];
    assert!(last.iter().any(|v| v.abs() > 0.02), "the sound ends early");
}
