//! One whole run: a file in, a folder of finished clips out.

use std::path::{Path, PathBuf};
use std::time::Instant;

use omniva_contracts::analysis::Analysis;
use omniva_contracts::choice::{Choice, Verdict};
use omniva_contracts::ports::{Clock, Ids, Seeded};
use omniva_contracts::record::{ClipFailure, ClipRecord, Decisions, RunMeasured, RunRecord};
use omniva_contracts::{Code, Fault, SCHEMA_VERSION};
use omniva_editing::Fonts;

use crate::edit::{self, Failed, Finished, Naming, Order, Planned};
use crate::source::{self, Source};
use crate::timeline::timeline;
use crate::workshop::Workshop;
use crate::{deliver, fonts, memory, steps};

pub struct ClipRequest {
    pub input: PathBuf,
    pub output: PathBuf,
    /// Decide only: no rendering.
    pub dry_run: bool,
    /// Replace what another source left in the output folder.
    pub replace: bool,
    /// Where the whole analysis goes as JSON, if anywhere.
    pub keep_analysis: Option<PathBuf>,
}

/// Runs every stage and fills the output folder; `report` turns the finished record (and its thumbnails, by rank) into
/// the page that people read.
///
/// Errors: a fault when the run as a whole could not be done. Single clips that fail are in the record's `failures`; a
/// record without clips says why in `decisions.choice.why_none`.
pub fn clip(
    workshop: &Workshop<'_>,
    request: &ClipRequest,
    clock: &dyn Clock,
    report: &dyn Fn(&RunRecord, &Path) -> Result<String, Fault>,
) -> Result<RunRecord, Fault> {
    let started = Instant::now();
    let (outcome, peak_memory_bytes) = memory::peak_during(|| run(workshop, request));
    let Outcome { mut record, earlier } = outcome?;
    record.measured = RunMeasured {
        stages: workshop.stage_times(),
        wall_seconds: started.elapsed().as_secs_f64(),
        finished_at: rfc3339(clock.now_us()),
        peak_memory_bytes,
    };
    if workshop.reporter.cancelled() {
        return Err(Fault::cancelled());
    }
    deliver::json(&request.output.join(deliver::RUN_JSON), &record)?;
    omniva_assets::write_atomic(&request.output.join(deliver::REPORT), report(&record, &request.output)?.as_bytes())?;
    if let Some(earlier) = earlier {
        deliver::remove_stale(&request.output, &earlier, &record)?;
    }
    workshop.prune()?;
    Ok(record)
}

struct Outcome {
    record: RunRecord,
    earlier: Option<RunRecord>,
}

fn run(workshop: &Workshop<'_>, request: &ClipRequest) -> Result<Outcome, Fault> {
    let config = workshop.config;
    // What would stop the run at its end is looked at first.
    let font_files = fonts::load(config)?;
    let fonts = steps::fonts_of(&font_files);
    let source = source::ingest(workshop, &request.input)?;
    steps::long_enough(&source, config.clip.min_seconds)?;
    let earlier = deliver::prepare(&request.output, &source.info.sha256, request.replace)?;
    let (analysis, choice) = steps::analyze(workshop, &source)?;
    if let Some(path) = &request.keep_analysis {
        deliver::json(path, &analysis)?;
    }
    let (planned, mut failures) = plan_all(workshop, &source, &analysis, &choice, &fonts);

    let finished = if request.dry_run {
        Vec::new()
    } else {
        edit::produce_all(workshop, &source, &analysis, &planned, &font_files)
    };
    let mut clips = Vec::new();
    for (plan, result) in planned.iter().zip(finished) {
        match result.and_then(|done| deliver_one(request, &analysis, plan, &done).map_err(Failed::from)) {
            Ok(record) => clips.push(record),
            Err(failed) if failed.fault.code == Code::Cancelled => return Err(*failed.fault),
            Err(failed) => failures.push(ClipFailure {
                candidate: plan.candidate.id.clone(),
                rank: plan.decision.rank,
                fault: *failed.fault,
                qc: failed.qc.map(|qc| *qc),
            }),
        }
    }
    failures.sort_by_key(|f| f.rank);
    let record = RunRecord {
        schema_version: SCHEMA_VERSION.to_owned(),
        omniva_version: env!("CARGO_PKG_VERSION").to_owned(),
        source_name: source.name.clone(),
        dry_run: request.dry_run,
        decisions: decisions(workshop, &analysis, choice, planned),
        clips,
        failures,
        measured: RunMeasured::default(),
    };
    Ok(Outcome { record, earlier })
}

fn plan_all(
    workshop: &Workshop<'_>,
    source: &Source,
    analysis: &Analysis,
    choice: &Choice,
    fonts: &Fonts,
) -> (Vec<Planned>, Vec<ClipFailure>) {
    let (mut planned, mut failures) = (Vec::new(), Vec::new());
    let config = workshop.config.sha256();
    for candidate in choice.chosen.iter().filter_map(|id| choice.get(id)) {
        let Verdict::Chosen { rank, .. } = candidate.verdict else { continue };
        let seed = format!("{} {config} {}", source.info.sha256, candidate.id);
        let clip_id = Seeded::new(seed.as_bytes()).next();
        let order = Order { candidate, rank, clip_id, naming: Naming::Ranked };
        match edit::plan(workshop, source, analysis, &order, fonts) {
            Ok(plan) => planned.push(plan),
            Err(fault) => failures.push(ClipFailure { candidate: candidate.id.clone(), rank, fault, qc: None }),
        }
    }
    (planned, failures)
}

fn deliver_one(
    request: &ClipRequest,
    analysis: &Analysis,
    planned: &Planned,
    done: &Finished,
) -> Result<ClipRecord, Fault> {
    let record = edit::record(analysis, planned, done);
    deliver::clip(&request.output, &record, &done.video, &done.thumbnail)?;
    Ok(record)
}

fn decisions(workshop: &Workshop<'_>, analysis: &Analysis, choice: Choice, planned: Vec<Planned>) -> Decisions {
    let config = workshop.config;
    let video_id = Seeded::new(analysis.media.sha256.as_bytes()).next();
    let mut models: Vec<_> =
        [&analysis.heard.models, &analysis.seen.models, &analysis.read.models].into_iter().flatten().cloned().collect();
    models.sort_by(|a, b| (&a.role, &a.name).cmp(&(&b.role, &b.name)));
    models.dedup();
    Decisions {
        media: analysis.media.clone(),
        config_sha256: config.sha256(),
        config: config.clone(),
        models,
        language: analysis.heard.language.clone(),
        timeline: timeline(analysis),
        analysis_result: omniva_cognition::analysis_result(analysis, &choice, video_id),
        warnings: analysis.warnings().cloned().collect(),
        choice,
        clips: planned.into_iter().map(|p| p.decision).collect(),
    }
}

/// Seconds precision, UTC.
fn rfc3339(us: i64) -> String {
    use time::format_description::well_known::Rfc3339;
    time::OffsetDateTime::from_unix_timestamp(us.div_euclid(1_000_000))
        .ok()
        .and_then(|t| t.format(&Rfc3339).ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::rfc3339;

    #[test]
    fn instants_are_written_as_rfc_3339() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(951_782_400_000_000), "2000-02-29T00:00:00Z");
        assert_eq!(rfc3339(1_795_255_451_999_999), "2026-11-21T10:04:11Z");
    }
}
