use std::process::Command;

use omniva_contracts::geometry::Span;
use omniva_contracts::plan::{Aspect, EditPlan};
use uuid::Uuid;

use super::*;
use crate::fixtures::{analysis, candidate, config, face, fonts, speech};

fn talk() -> omniva_contracts::analysis::Analysis {
    let words =
        speech(&[("Hello", 0.1), ("there", 1.5), ("my", 0.1), ("{\\b1}friend.", 0.9), ("Goodbye.", 0.0)], 1.0, 0.4);
    let mut a = analysis(9.0, words);
    a.media.video.as_mut().expect("video").width = 640;
    a.media.video.as_mut().expect("video").height = 360;
    a
}

fn plan_of(a: &omniva_contracts::analysis::Analysis, layout: &str) -> EditPlan {
    let overlay = format!("[clip]\nlayout = \"{layout}\"\n[encode]\npreset = \"ultrafast\"\n");
    let mut config = omniva_contracts::config::Config::load(Some(("test", &overlay))).expect("loads");
    config.clip.aspect = Aspect::Square;
    crate::plan(a, &candidate(a, Span::new(0.0, 9.0)), &config, Uuid::nil(), &fonts()).expect("plans")
}

/// Runs the plan's commands on a synthetic source and checks length and size of what comes out.
fn check(plan: &EditPlan, picture: bool) {
    let dir = tempfile::tempdir().expect("a folder");
    let name = "it's -a \"talk\".mkv";
    let mut make = Command::new("ffmpeg");
    make.args(["-v", "error", "-y", "-f", "lavfi", "-i", "sine=440:r=48000:d=9"]);
    if picture {
        make.args(["-f", "lavfi", "-i", "testsrc2=s=640x360:r=25:d=9", "-c:v", "libx264", "-preset", "ultrafast"]);
    }
    let made = make.arg(format!("file:{name}")).current_dir(&dir).status().expect("ffmpeg is installed");
    assert!(made.success());
    std::fs::write(dir.path().join("captions.ass"), crate::ass(plan)).expect("written");
    std::fs::create_dir(dir.path().join("fonts")).expect("made");
    for line in commands(plan, name) {
        let run = Command::new("sh").args(["-c", &line]).current_dir(&dir).output().expect("a shell");
        assert!(run.status.success(), "{line}\n{}", String::from_utf8_lossy(&run.stderr));
    }
    let probe = Command::new("ffprobe")
        .args(["-v", "error", "-show_entries", "stream=width,height,nb_frames,duration", "-of", "csv=p=0", "clip.mp4"])
        .current_dir(&dir)
        .output()
        .expect("ffprobe is installed");
    let text = String::from_utf8_lossy(&probe.stdout).into_owned();
    let fields: Vec<f64> = text.lines().next().expect("video").split(',').filter_map(|f| f.parse().ok()).collect();
    assert_eq!((fields[0] as u32, fields[1] as u32), (plan.canvas.width, plan.canvas.height), "{text}");
    let frames = (plan.duration() * f64::from(plan.canvas.fps)).round();
    assert!((fields[3] - frames).abs() <= 1.0, "{frames} frames expected: {text}");
    let audio: f64 = text.lines().nth(1).and_then(|l| l.split(',').next()).and_then(|d| d.parse().ok()).expect("sound");
    assert!((audio - plan.duration()).abs() < 0.07, "{} s expected: {text}", plan.duration());
}

#[test]
fn a_followed_face_with_jump_cuts_runs() {
    let mut a = talk();
    a.seen.faces = vec![face(1, 0.0, 9.0, 0.3, 0.1, |t| (0.3 + 0.05 * t, 0.4))];
    let plan = plan_of(&a, "auto");
    assert!(plan.keep.len() > 1, "pauses were cut");
    check(&plan, true);
}

#[test]
fn a_split_and_a_zoom_and_a_fit_run() {
    let mut a = talk();
    let left = face(1, 0.0, 9.0, 0.3, 0.1, |_| (0.25, 0.4));
    let right = face(2, 0.0, 9.0, 0.3, 0.1, |_| (0.75, 0.4));
    a.seen.faces = vec![left.clone(), right];
    let split = plan_of(&a, "split");
    assert!(split.scenes.iter().any(|s| matches!(s.layout, Layout::Split { .. })));
    check(&split, true);
    a.seen.faces = vec![left];
    let zoom = plan_of(&a, "single");
    let zooms = |s: &omniva_contracts::plan::Scene| matches!(&s.layout, Layout::Single { keys } if keys.len() == 2);
    assert!(zoom.scenes.iter().any(zooms), "{:?}", zoom.scenes);
    check(&zoom, true);
    check(&plan_of(&a, "fit"), true);
}

#[test]
fn sound_alone_becomes_a_waveform() {
    let mut a = talk();
    a.media.video = None;
    a.seen = Default::default();
    check(&plan_of(&a, "auto"), false);
}

#[test]
fn shell_words_keep_their_content() {
    for name in ["plain.mp4", "it's", "a b", "$(touch x)", "-n", "line\nbreak", "back\\slash", "\"q\""] {
        let out = Command::new("sh").args(["-c", &format!("printf %s {}", quoted(&format!("file:{name}")))]).output();
        assert_eq!(out.expect("a shell").stdout, format!("file:{name}").as_bytes());
    }
    assert_eq!(config().clip.captions, "bold");
}
