//! Copies of real footage are found again, and different footage is never taken for a copy. Needs OMNIVA_TEST_MEDIA
//! (`make test` sets it). `--nocapture` prints the figures; OMNIVA_LIKENESS_ALL makes copies of every source.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use omniva_contracts::{Code, Monitor, Silent};
use omniva_likeness::{Index, Match, Print, Thresholds};
use omniva_media::ingest::media_after;
use omniva_media::likeness::print;
use omniva_media::read::{AudioReader, FrameOptions, FrameReader};
use omniva_media::sniff::sniff;
use support::Bench;

const X264: &str = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p";
const AAC: &str = "-c:a aac -b:a 128k -ac 2 -ar 48000";

/// A copy: its name, filters of picture and sound, and other arguments.
const COPIES: [(&str, &str, &str, &str); 11] = [
    ("crf35_15fps_270p", "fps=15,scale=-2:270", "anull", "-crf 35 -b:a 48k"),
    ("trimmed_start", "null", "anull", "-crf 26 -ss 4.37"),
    ("trimmed_both", "fps=24", "anull", "-crf 28 -ss 2.71 -to {END}"),
    ("mirrored", "hflip", "anull", "-crf 26"),
    ("watermarked", "drawbox=x=iw*0.74:y=ih*0.84:w=iw*0.2:h=ih*0.09:color=white@0.6:t=fill", "anull", "-crf 28"),
    ("bars", "pad=iw:ih*1.33:0:(oh-ih)/2:black", "anull", "-crf 28"),
    ("pillars_cropped", "crop=iw*0.96:ih*0.96,pad=iw*1.5:ih:(ow-iw)/2:0:black", "anull", "-crf 28"),
    ("level", "eq=brightness=0.05:contrast=1.1", "volume=-11dB", "-crf 26"),
    ("audio_48k", "null", "anull", "-crf 26 -b:a 48k -ar 44100 -ac 1"),
    ("mp3_32k", "null", "highpass=f=120", "-crf 26 -c:a libmp3lame -b:a 32k -ar 22050 -ac 1"),
    (
        "mirrored_trimmed_marked",
        "hflip,drawbox=x=0:y=0:w=iw*0.2:h=ih*0.1:color=yellow@0.7:t=fill,fps=30",
        "volume=4dB",
        "-crf 32 -ss 3.1 -b:a 64k",
    ),
];

/// Not found, and why: without sound that counts, a mark over a fiftieth of the picture outweighs the few movements of a
/// fixed camera, and the fine patterns of the cells.
const BEYOND: [&str; 3] =
    ["mute_webcam-watermarked", "mute_webcam-mirrored_trimmed_marked", "cells-mirrored_trimmed_marked"];

/// Sources whose copies are made in every run; with OMNIVA_LIKENESS_ALL in the environment all are.
const COPIED: [&str; 2] = ["mute_webcam", "cells"];

struct Source {
    name: String,
    print: Print,
    path: PathBuf,
    sound: bool,
}

fn media(name: &str) -> PathBuf {
    let folder = std::env::var_os("OMNIVA_TEST_MEDIA")
        .expect("set OMNIVA_TEST_MEDIA to the folder with panel.mp4 (`make test` does)");
    let path = PathBuf::from(folder).join(name);
    assert!(path.is_file(), "{} is missing", path.display());
    path
}

fn printed(bench: &Bench, path: &Path) -> (Print, f64) {
    let container = sniff(path).unwrap();
    let (job, info) = bench.ingest_as(path, container).unwrap_or_else(|f| panic!("{}: {f}", path.display()));
    let made = print(&media_after(&job, &info), &info, 0, &Silent).unwrap();
    let read = Print::from_bytes(&made.to_bytes()).unwrap();
    assert_eq!(read, made);
    (made, info.duration)
}

/// Different footage: parts of five talks (two parts of one talk show the same room and speaker), and drawn pictures.
fn sources(bench: &Bench) -> Vec<Source> {
    let parts = [
        ("room_a", "work/segment0.mp4", 0.0, 23.0),
        ("room_b", "work/segment0.mp4", 23.0, 21.0),
        ("webcam_a", "work/segment1.mp4", 0.0, 27.0),
        ("webcam_b", "work/segment1.mp4", 27.0, 25.0),
        ("street", "work/segment2.mp4", 0.0, 30.0),
        ("split", "work/segment3.mp4", 0.0, 28.0),
        ("room_c", "work/segment4.mp4", 0.0, 35.0),
        ("room_d", "work/segment4.mp4", 35.0, 36.0),
        ("mute_webcam", "work/cap13_edit2.mp4", 0.0, 30.0),
    ];
    let mut made = Vec::new();
    for (name, file, from, length) in parts {
        let sound = name != "mute_webcam";
        let (out, source) = (format!("{name}.mp4"), media(file));
        let sound_codec = if sound { AAC } else { "-an" };
        bench.ffmpeg(&format!(
            "-ss {from} -t {length} -i '{}' -vf scale=-2:360 {X264} -crf 20 {sound_codec} {out}",
            source.display()
        ));
        made.push((name, out, sound));
    }
    for (name, picture) in
        [("fractal", "mandelbrot=s=480x270:r=25"), ("cells", "life=s=160x90:r=10:mold=10:random_seed=7,scale=480:270")]
    {
        let (slow, fast) = if name == "cells" { (0.31, 4.3) } else { (0.7, 7.1) };
        let sweep = format!("(400+300*sin(t*t*{slow})+200*sin({fast}*t))");
        let tune = format!("aevalsrc=0.3*sin(6.28*t*{sweep})*abs(sin(5*t+t*t*0.1)):s=48000");
        bench.ffmpeg(&format!("-f lavfi -i {picture} -f lavfi -i {tune} -t 30 {X264} -crf 20 {AAC} {name}.mp4"));
        made.push((name, format!("{name}.mp4"), true));
    }
    let finish = |(name, out, sound): (&str, String, bool)| {
        let path = bench.path(&out);
        Source { name: name.to_owned(), print: printed(bench, &path).0, path, sound }
    };
    made.into_iter().map(finish).collect()
}

/// All copies of a source, made in one run.
fn copies(bench: &Bench, source: &Source) -> Vec<(String, PathBuf)> {
    let mut line = format!("-i '{}'", source.path.display());
    let mut made = Vec::new();
    for (name, picture, sound, other) in COPIES {
        let path = bench.path(&format!("{}-{name}.mp4", source.name));
        let end = format!("{:.2}", source.print.seconds() - 3.3);
        let other = other.replace("{END}", &end);
        let sound = if source.sound { format!("-af {sound} {AAC}") } else { "-an".to_owned() };
        line += &format!(" -vf '{picture}' {X264} {sound} {other} '{}'", path.display());
        made.push((name.to_owned(), path));
    }
    bench.ffmpeg(&line);
    made
}

fn describe(m: &Match) -> String {
    format!(
        "#{} audio {:.1}s {:.2} ({}){} video {:.1}s {:.2} ({}){} offset {:.2} mirrored {}",
        m.id,
        m.audio.seconds,
        m.audio.similarity,
        m.audio.evidence,
        if m.audio.enough { "*" } else { "" },
        m.video.seconds,
        m.video.similarity,
        m.video.evidence,
        if m.video.enough { "*" } else { "" },
        m.offset,
        m.mirrored
    )
}

#[test]
fn every_copy_is_found_and_nothing_else() {
    let bench = Bench::new();
    let sources = sources(&bench);
    let numbered = || sources.iter().enumerate().map(|(n, s)| (n as u128, s.print.clone()));
    let index = Index::build(Thresholds::default(), numbered()).unwrap();
    let (mut wrong, mut missed) = (Vec::new(), Vec::new());
    for (n, source) in sources.iter().enumerate() {
        let found = index.lookup(&source.print, Some(n as u128));
        wrong.extend(found.iter().map(|m| format!("{} {}", source.name, describe(m))));
        println!("{}: {} landmarks, {} runs", source.name, source.print.landmarks().len(), source.print.runs().len());
    }
    let (mut count, mut by_sound, mut by_picture, mut unturned) = (0, 0, 0, 0);
    let all = std::env::var_os("OMNIVA_LIKENESS_ALL").is_some();
    for (n, source) in sources.iter().enumerate().filter(|(_, s)| all || COPIED.contains(&s.name.as_str())) {
        for (name, path) in copies(&bench, source) {
            let (print, _) = printed(&bench, &path);
            let found = index.lookup(&print, None);
            count += 1;
            match found.iter().find(|m| m.id == n as u128) {
                Some(m) => {
                    println!("{}-{name}: {}", source.name, describe(m));
                    by_sound += u32::from(m.audio.enough);
                    by_picture += u32::from(m.video.enough);
                    unturned += u32::from(m.mirrored != name.starts_with("mirrored"));
                }
                None => missed.push(format!("{}-{name}", source.name)),
            }
            let others = found.iter().filter(|m| m.id != n as u128);
            wrong.extend(others.map(|m| format!("{}-{name} {}", source.name, describe(m))));
            std::fs::remove_file(path).unwrap();
        }
    }
    let marks = |name: &str| name.ends_with("marked");
    let marked = COPIES.iter().filter(|(name, ..)| marks(name)).count() * count / COPIES.len();
    println!("{marked} marked: {} missed", missed.iter().filter(|name| marks(name)).count());
    println!(
        "{count} copies: {} missed, {} false; by sound {by_sound}, by picture {by_picture}, side wrong {unturned}",
        missed.len(),
        wrong.len()
    );
    assert_eq!(wrong, Vec::<String>::new(), "false pairs");
    missed.retain(|name| !BEYOND.contains(&name.as_str()));
    assert_eq!(missed, Vec::<String>::new(), "missed copies of {count}");
    assert!(unturned <= 8, "the side of {unturned} copies is told wrongly");
}

#[test]
fn a_reused_part_is_placed_and_its_cost_is_told() {
    let bench = Bench::new();
    let panel = media("panel.mp4");
    let begun = Instant::now();
    let (whole, seconds) = printed(&bench, &panel);
    let all = begun.elapsed();
    bench.ffmpeg(&format!(
        "-ss 30 -t 100 -i '{}' -vf hflip,scale=-2:360 {X264} -crf 30 -c:a aac -b:a 64k part.mp4",
        panel.display()
    ));
    let (part, _) = printed(&bench, &bench.path("part.mp4"));
    let index = Index::build(Thresholds::default(), [(7, whole.clone())]).unwrap();
    let found = index.lookup(&part, None);
    println!("{}", found.iter().map(describe).collect::<Vec<_>>().join("\n"));
    assert_eq!((found.len(), found[0].id, found[0].mirrored), (1, 7, true));
    assert!((found[0].offset - 30.0).abs() < 0.3);
    assert!(found[0].audio.seconds > 60.0 && found[0].audio.seconds < 101.0);
    // A tenth of the panel is less than 20 s: its first 15 s alone are no pair.
    let minute = |d: Duration| d.as_secs_f64() * 60.0 / seconds;
    println!(
        "ingest and print: {:.2} s a minute of video; {} bytes for {seconds:.0} s",
        minute(all),
        whole.to_bytes().len()
    );
}

#[test]
#[ignore = "measures; run alone"]
fn costs() {
    let bench = Bench::new();
    let path = media("panel.mp4");
    let (job, info) = bench.ingest_as(&path, sniff(&path).unwrap()).unwrap();
    let source = media_after(&job, &info);
    let time = |what: &str, work: &mut dyn FnMut()| {
        let begun = Instant::now();
        work();
        println!("{what}: {:.3} s a minute", begun.elapsed().as_secs_f64() * 60.0 / info.duration);
    };
    use omniva_contracts::streams::{AudioSource, FrameSource};
    let frames = || FrameReader::open(&source, &info, FrameOptions { threads: 1, ..FrameOptions::default() }).unwrap();
    time("a print of its own, one thread", &mut || drop(print(&source, &info, 1, &Silent).unwrap()));
    time("frames as watching reads them", &mut || {
        let mut reader = frames();
        while reader.next_frame().unwrap().is_some() {}
    });
    time("the same with a print", &mut || {
        let mut reader = omniva_media::likeness::Watched::new(frames());
        while reader.next_frame().unwrap().is_some() {}
        drop(reader.print());
    });
    time("sound as listening reads it", &mut || {
        let mut reader = AudioReader::open(&source, &info, 16_000).unwrap();
        while reader.next_block().unwrap().is_some() {}
    });
    time("the same with a print", &mut || {
        let reader = AudioReader::open(&source, &info, 16_000).unwrap();
        let mut reader = omniva_media::likeness::Listened::new(reader).unwrap();
        while reader.next_block().unwrap().is_some() {}
        drop(reader.print());
    });
}

/// Cancels after some questions.
struct Impatient(AtomicU32);

impl Monitor for Impatient {
    fn progress(&self, _: f64) {}
    fn cancelled(&self) -> bool {
        self.0.fetch_add(1, Ordering::Relaxed) > 20
    }
}

#[test]
fn printing_stops_when_told_and_tells_how_far_it_is() {
    struct Notes(std::sync::Mutex<Vec<f64>>);
    impl Monitor for Notes {
        fn progress(&self, fraction: f64) {
            self.0.lock().unwrap().push(fraction);
        }
        fn cancelled(&self) -> bool {
            false
        }
    }
    let bench = Bench::new();
    bench.ffmpeg(&format!("-f lavfi -i testsrc2=s=320x180:r=25 -f lavfi -i sine=440 -t 8 {X264} -c:a aac small.mp4"));
    let (job, info) = bench.ingest("small.mp4").unwrap();
    let source = media_after(&job, &info);
    let fault = print(&source, &info, 1, &Impatient(AtomicU32::new(0))).unwrap_err();
    assert_eq!(fault.code, Code::Cancelled);
    let notes = Notes(std::sync::Mutex::new(Vec::new()));
    let made = print(&source, &info, 1, &notes).unwrap();
    assert!(!made.runs().is_empty() && (made.seconds() - 8.0).abs() < 0.1);
    let notes = notes.0.into_inner().unwrap();
    assert!(notes.windows(2).all(|w| w[0] <= w[1]) && notes.len() > 20 && notes.last() == Some(&1.0));
}
