//! What goes wrong, and what is left behind.

use std::sync::atomic::{AtomicU32, Ordering};

use omniva_contracts::geometry::Rect;
use omniva_contracts::{Code, Monitor, Silent};
use omniva_media::render::render as try_render;

use crate::tools::*;

const SMALL: (u32, u32) = (180, 320);

fn bench() -> (Bench, omniva_contracts::jobs::RenderJob) {
    let bench = Bench::new(Some("testsrc2=s=320x180:r=25"), Some("anoisesrc=r=48000:c=pink:a=0.3:s=7"), 4.2);
    let job = bench.job(plan(4.0, 30, SMALL, still(Rect::new(0.3, 0.0, 0.316, 1.0))), Some((320, 180, 25.0)), true);
    (bench, job)
}

/// Cancels after a number of questions.
struct After(AtomicU32);

impl Monitor for After {
    fn progress(&self, _: f64) {}
    fn cancelled(&self) -> bool {
        self.0.fetch_sub(1, Ordering::Relaxed) == 0
    }
}

#[test]
fn cancelling_leaves_nothing_behind() {
    let (bench, job) = bench();
    for after in [0, 3, 40, 120, 200] {
        let fault = try_render(&job, &After(AtomicU32::new(after))).unwrap_err();
        assert_eq!(fault.code, Code::Cancelled);
        assert_eq!(listing(bench.out()), ["source.mp4"], "after {after}");
    }
}

#[test]
fn a_full_disk_is_named_and_leaves_nothing_behind() {
    let (bench, job) = bench();
    // Every write to this device fails as on a full disk.
    std::os::unix::fs::symlink("/dev/full", bench.out().join("clip.mp4.part")).unwrap();
    let fault = try_render(&job, &Silent).unwrap_err();
    assert_eq!(fault.code, Code::NoSpace, "{fault:?}");
    assert_eq!(listing(bench.out()), ["source.mp4"]);
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let (bench, mut job) = bench();
    job.out_dir = bench.out().join("nowhere");
    assert_eq!(try_render(&job, &Silent).unwrap_err().code, Code::OutputUnwritable);
}

#[test]
fn a_brand_kit_that_is_no_picture_is_a_matter_of_configuration() {
    let (bench, mut job) = bench();
    let text = bench.out().join("intro.mp4");
    std::fs::write(&text, "#EXTM3U\nhttp://127.0.0.1:9/x.ts\n").unwrap();
    job.plan.brand.intro = Some(text);
    assert_eq!(try_render(&job, &Silent).unwrap_err().code, Code::ConfigInvalid);
    job.plan.brand.intro = None;
    job.plan.brand.accent = "yellow".into();
    assert_eq!(try_render(&job, &Silent).unwrap_err().code, Code::ConfigInvalid);
}

#[test]
fn a_truncated_source_gives_what_it_has_or_a_clear_fault() {
    let (bench, mut job) = bench();
    let mkv = bench.out().join("cut.mkv");
    let source = bench.source.to_str().unwrap();
    ffmpeg(&["-i", source, "-c", "copy", mkv.to_str().unwrap()]);
    let bytes = std::fs::read(&mkv).unwrap();
    std::fs::write(&mkv, &bytes[..bytes.len() / 2]).unwrap();
    job.media = omniva_contracts::jobs::MediaRef { path: mkv, container: omniva_contracts::media::Container::Matroska };
    let rendered = render(&job);
    assert_eq!(rendered.frames, 120);
    let report = check(&job, &rendered);
    assert!(report.failed().any(|c| c.name == "frozen") || report.passed());
}

#[test]
fn the_same_job_gives_the_same_bytes() {
    let (bench, job) = bench();
    let clip = bench.out().join("clip.mp4");
    render(&job);
    let (first, picture) = (std::fs::read(&clip).unwrap(), std::fs::read(bench.out().join("clip.jpg")).unwrap());
    // Whatever lies in the memory that is taken: from here on, new blocks are filled.
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: no pointers; it changes only what is in memory that nobody has written.
    unsafe {
        libc::mallopt(libc::M_PERTURB, 85);
    }
    render(&job);
    assert!(first == std::fs::read(&clip).unwrap());
    assert!(picture == std::fs::read(bench.out().join("clip.jpg")).unwrap());
}

#[test]
fn no_picture_is_too_busy_for_the_size_limit() {
    let noise = "color=c=gray:s=320x180:r=30,noise=alls=100:allf=t";
    let bench = Bench::new(Some(noise), Some("anoisesrc=r=48000:c=pink:a=0.3:s=7"), 6.2);
    let mut plan = plan(6.0, 30, (360, 640), still(Rect::new(0.3, 0.0, 0.316, 1.0)));
    plan.encode.max_bytes = 1_500_000;
    let job = bench.job(plan, Some((320, 180, 30.0)), true);
    let rendered = render(&job);
    assert!(rendered.bytes <= 1_500_000, "{} bytes", rendered.bytes);
    assert!(rendered.bytes > 900_000, "room is used: {} bytes", rendered.bytes);
}
