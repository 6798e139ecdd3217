//! The other side of the fence: what the sandboxed child process does. It is told one job, enters the sandbox before it
//! looks at anything, does the job, and writes the result into its output folder.

use std::path::Path;

use omniva_contracts::jobs::{ChildJob, IngestJob, ListenJob, RESULT, ReadJob, RenderJob, WatchJob};
use omniva_contracts::{Code, Fault, Monitor};
use omniva_media::read::{AudioReader, FrameOptions, FrameReader};
use serde::Serialize;

/// Sample rate of everything that listens.
const LISTEN_RATE: u32 = 16_000;
/// Longest side of the pictures that faces are searched in (the detector's own input size).
const PICTURE_MAX: usize = 640;
/// Width of the small luma pictures for shots and motion.
const LUMA_WIDTH: usize = 96;

/// The whole life of the hidden `__child` command.
pub fn main() -> ! {
    omniva_sandbox::child_main(|job, monitor| {
        let job = serde_json::from_slice(job).map_err(|e| Fault::internal(format!("the child got no job: {e}")))?;
        work(job, monitor)
    })
}

fn work(job: ChildJob, monitor: &dyn Monitor) -> Result<(), Fault> {
    match job {
        ChildJob::Ingest(job) => ingest(&job, monitor),
        ChildJob::Print(job) => finish(&job.out_dir, &omniva_media::likeness::make(&job, monitor)?),
        ChildJob::Listen(job) => listen(&job, monitor),
        ChildJob::Watch(job) => watch(&job, monitor),
        ChildJob::Read(job) => read(&job, monitor),
        ChildJob::Render(job) => render(&job, monitor),
        ChildJob::Check(job) => finish(&job.out_dir, &omniva_media::check::check(&job, monitor)?),
        ChildJob::ProbeSandbox(job) => finish(&job.out_dir, &omniva_sandbox::probe(&job)),
    }
}

fn ingest(job: &IngestJob, monitor: &dyn Monitor) -> Result<(), Fault> {
    finish(&job.out_dir, &omniva_media::ingest::ingest(job, monitor)?)
}

fn listen(job: &ListenJob, monitor: &dyn Monitor) -> Result<(), Fault> {
    let mut audio = AudioReader::open(&job.media, &job.info, LISTEN_RATE)?;
    finish(&job.out_dir, &omniva_perception::listen::listen(job, &mut audio, monitor)?)
}

fn watch(job: &WatchJob, monitor: &dyn Monitor) -> Result<(), Fault> {
    let options = FrameOptions {
        sample_step: 1.0 / job.faces_per_second,
        picture_max: PICTURE_MAX,
        luma_width: LUMA_WIDTH,
        threads: job.threads,
    };
    let mut frames = FrameReader::open(&job.media, &job.info, options)?;
    finish(&job.out_dir, &omniva_perception::watch::watch(job, &mut frames, monitor)?)
}

fn read(job: &ReadJob, monitor: &dyn Monitor) -> Result<(), Fault> {
    finish(&job.out_dir, &omniva_perception::read::read(job, monitor)?)
}

fn render(job: &RenderJob, monitor: &dyn Monitor) -> Result<(), Fault> {
    finish(&job.out_dir, &omniva_media::render::render(job, monitor)?)
}

/// Writes the result under a temporary name first, so that a result file is always whole.
fn finish<T: Serialize>(out_dir: &Path, result: &T) -> Result<(), Fault> {
    let json =
        serde_json::to_vec(result).map_err(|e| Fault::internal(format!("a result can't be written as JSON: {e}")))?;
    let (temporary, path) = (out_dir.join("result.part"), out_dir.join(RESULT));
    std::fs::write(&temporary, json)
        .and_then(|()| std::fs::rename(&temporary, &path))
        .map_err(|e| Fault::writing("a stage's result", &e))
}

/// A child's result, read by the parent. What a child writes is bounded, because the child handles hostile input.
pub fn result<T: serde::de::DeserializeOwned>(out_dir: &Path, max_bytes: u64) -> Result<T, Fault> {
    let path = out_dir.join(RESULT);
    let broken = |detail: String| {
        Fault::new(
            Code::ChildKilled,
            "a stage ended without a usable result",
            "run the command again; report it if it happens twice",
        )
        .with_detail(detail)
    };
    let meta = std::fs::symlink_metadata(&path).map_err(|e| broken(e.to_string()))?;
    if !meta.is_file() || meta.len() > max_bytes {
        return Err(broken(format!("{} bytes", meta.len())));
    }
    let bytes = std::fs::read(&path).map_err(|e| broken(e.to_string()))?;
    serde_json::from_slice(&bytes).map_err(|e| broken(e.to_string()))
}
