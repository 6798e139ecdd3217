//! The fingerprint of a source, by which copies of it are known again before anything dear is done with it.

use std::io::Read;

use omniva_contracts::jobs::{ChildJob, PrintJob, Printed};
use omniva_contracts::{Code, Fault};
use omniva_likeness::Print;
use omniva_media::likeness::PRINT;
use serde_json::json;

use crate::reporter::Stage;
use crate::source::Source;
use crate::workshop::{Access, Workshop};

/// A part of the cache key: raise it when the same source would get another print.
const VERSION: u32 = 1;
/// No print is larger.
const LARGEST: u64 = 1 << 20;

/// Decodes the source once, roughly and without models; kept in the cache like every stage.
pub fn likeness(workshop: &Workshop<'_>, source: &Source) -> Result<Print, Fault> {
    let timer = workshop.begin(Stage::Ingest, "likeness");
    let key = json!({
        "likeness": omniva_likeness::VERSION, "source": source.info.sha256, "repairs": source.info.repairs,
    });
    let made = workshop.cached::<Printed>(Stage::Ingest, VERSION, &key, |out_dir| {
        let job = PrintJob {
            media: source.media.clone(),
            info: source.info.clone(),
            out_dir: out_dir.to_owned(),
            threads: workshop.threads_beside(1),
        };
        let access = Access { read: source.readable(), ..Access::new(source.info.duration) };
        workshop.child(Stage::Ingest, "likeness", ChildJob::Print(job), access, out_dir)
    })?;
    let print = read(&made.folder.join(PRINT))?;
    workshop.end(timer, made.from_cache);
    Ok(print)
}

/// What a child wrote is bounded and checked, because the child handles hostile input.
fn read(path: &std::path::Path) -> Result<Print, Fault> {
    let broken = |detail: String| {
        let next = "run it again; report it if it happens twice";
        Fault::new(Code::ChildKilled, "a stage ended without a usable fingerprint", next).with_detail(detail)
    };
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes))
        .map_err(|e| broken(e.to_string()))?;
    Print::from_bytes(&bytes).map_err(|e| broken(e.to_string()))
}
