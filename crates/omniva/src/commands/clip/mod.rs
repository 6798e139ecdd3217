//! `omniva clip`: the file goes through an engine of its own ([`session`]), and what that made is put together here.

mod audience;
mod session;

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use omniva_actors::workers::Errand;
use omniva_assets::Cache;
use omniva_contracts::config::{Config, EngineConfig, ModelManifest};
use omniva_contracts::ports::{Clock, SystemClock};
use omniva_contracts::record::{ClipFailure, ClipRecord, RunMeasured, RunRecord};
use omniva_contracts::{Code, Fault, SCHEMA_VERSION};
use omniva_stages::{Fresh, Reporter, deliver, memory, run as whole};
use serde_json::json;

use crate::cli::ClipArgs;
use crate::progress::{Quiet, Shown, print_line, stop_on_signals};
use crate::{models, style};
use audience::Audience;
use session::{End, Made, Session, Setup};

/// Largest configuration file that is read.
const MAX_CONFIG: u64 = 1 << 20;

pub fn run(args: ClipArgs, models_folder: &Path, as_json: bool) -> Result<u8, Fault> {
    let (config, engine) = config(&args)?;
    let stop = stop_on_signals();
    let audience = Arc::new(Audience::new(Shown::new(as_json, stop.clone())));
    if !args.input.exists() {
        let shown = omniva_stages::display_name(&args.input);
        return Err(Fault::new(
            Code::InputMissing,
            format!("there is no file {shown}"),
            "check the name; quote names with spaces",
        ));
    }
    let manifest = ModelManifest::shipped()?;
    models::require(models_folder, &manifest, &Quiet(stop))?;
    let folder = args.cache.clone().or_else(omniva_assets::default_cache_dir).ok_or_else(|| {
        Fault::new(Code::Usage, "there is no folder for finished stages", "set HOME or pass --cache DIR")
    })?;
    let setup = Setup {
        cache: Cache::open(&folder, (config.limits.cache_gigabytes * 1e9) as u64)?,
        models: models_folder,
        manifest,
        layers: layers(&args.allow_missing_sandbox)?,
        errand: Errand {
            file: args.input.clone(),
            audience: audience.clone(),
            fresh: args.force.then(Fresh::default),
            dry_run: args.dry_run,
        },
        config,
        engine,
    };
    let record = clip(&args, setup, &audience)?;
    for failure in &record.failures {
        audience.note(&format!(
            "{} [{}]; {}",
            failure.fault.message,
            failure.fault.code.as_str(),
            failure.fault.next_step
        ));
    }
    tell(&record, &args.output, as_json);
    Ok(status(&record))
}

/// Fills the output folder; the record and the report come last.
fn clip(args: &ClipArgs, setup: Setup<'_>, audience: &Audience) -> Result<RunRecord, Fault> {
    let started = Instant::now();
    let config = setup.config.clone();
    let (produced, peak_memory_bytes) = memory::peak_during(|| produce(args, setup, &config));
    let (record, earlier) = produced?;
    let record = RunRecord {
        measured: RunMeasured {
            stages: audience.times(),
            wall_seconds: started.elapsed().as_secs_f64(),
            finished_at: whole::rfc3339(SystemClock.now_us()),
            peak_memory_bytes,
        },
        ..record
    };
    if audience.cancelled() {
        return Err(Fault::cancelled());
    }
    deliver::json(&args.output.join(deliver::RUN_JSON), &record)?;
    let report = omniva_report::html(&record, &args.output)?;
    omniva_assets::write_atomic(&args.output.join(deliver::REPORT), report.as_bytes())?;
    if let Some(earlier) = earlier {
        deliver::remove_stale(&args.output, &earlier, &record)?;
    }
    Ok(record)
}

type Produced = (RunRecord, Option<RunRecord>);

/// The record of the run, and that of an earlier one in the same folder.
fn produce(args: &ClipArgs, setup: Setup<'_>, config: &Config) -> Result<Produced, Fault> {
    // What would stop the run at its end is looked at first.
    deliver::writable(&args.output)?;
    let fonts = omniva_stages::fonts(config)?;
    let session = Session::start(setup)?;
    let earlier = std::cell::RefCell::new(None);
    let Made { kept, ends } = session.follow(&|video| {
        *earlier.borrow_mut() = deliver::prepare(&args.output, &video.checksum, args.force)?;
        Ok(())
    })?;
    if let Some(path) = &args.analysis {
        deliver::json(path, &kept.analysis)?;
    }
    let source_name = omniva_stages::display_name(&args.input);
    let (planned, mut failures) = whole::plan_all(config, &source_name, &kept.analysis, &kept.choice, &fonts);
    let mut clips: Vec<ClipRecord> = Vec::new();
    for (candidate, end) in ends {
        let Some(plan) = planned.iter().find(|plan| plan.candidate.id == candidate) else { continue };
        let (fault, qc) = match end {
            End::Decided => continue,
            End::Failed(fault) => (*fault, None),
            End::Refused(qc) => (omniva_stages::refusal(&plan.name, &qc), Some(*qc)),
            End::Finished { record, video, thumbnail } => {
                match deliver::clip(&args.output, &record, &video, &thumbnail) {
                    Ok(()) => {
                        clips.push(*record);
                        continue;
                    }
                    Err(fault) => (fault, None),
                }
            }
        };
        failures.push(ClipFailure { candidate, rank: plan.decision.rank, fault, qc });
    }
    clips.sort_by_key(|c| c.rank);
    failures.sort_by_key(|f| f.rank);
    let record = RunRecord {
        schema_version: SCHEMA_VERSION.to_owned(),
        omniva_version: env!("CARGO_PKG_VERSION").to_owned(),
        source_name,
        dry_run: args.dry_run,
        decisions: whole::decisions(config, &kept.analysis, kept.choice, planned),
        clips,
        failures,
        measured: RunMeasured::default(),
    };
    Ok((record, earlier.into_inner()))
}

fn status(record: &RunRecord) -> u8 {
    if !record.failures.is_empty() {
        Code::ClipRefused.exit()
    } else if record.decisions.choice.chosen.is_empty() {
        Code::NothingToClip.exit()
    } else {
        0
    }
}

/// The shipped configuration, the user's file on top, the flags on top of both.
fn config(args: &ClipArgs) -> Result<(Config, EngineConfig), Fault> {
    let overlay = match &args.config {
        None => None,
        Some(path) => Some((path.display().to_string(), read_config(path)?)),
    };
    let overlay = overlay.as_ref().map(|(name, text)| (name.as_str(), text.as_str()));
    let mut config = Config::load(overlay)?;
    if let Some(path) = &args.config {
        config.brand.resolve(path.parent().unwrap_or(Path::new(".")));
    }
    let clip = &mut config.clip;
    if let Some(count) = args.count {
        clip.count = count;
    }
    if let Some(min) = args.min {
        clip.min_seconds = min;
        clip.max_seconds = clip.max_seconds.max(if args.max.is_none() { min } else { 0.0 });
    }
    if let Some(max) = args.max {
        clip.max_seconds = max;
        clip.min_seconds = clip.min_seconds.min(if args.min.is_none() { max } else { f64::INFINITY });
    }
    if let Some(aspect) = args.aspect {
        clip.aspect = aspect.into();
    }
    if let Some(layout) = args.layout {
        clip.layout = layout.into();
    }
    if let Some(captions) = &args.captions {
        clip.captions.clone_from(captions);
    }
    if let Some(keywords) = &args.keywords {
        clip.keywords = keywords.iter().map(|k| k.trim().to_owned()).filter(|k| !k.is_empty()).collect();
    }
    if let Some(language) = &args.language {
        clip.language.clone_from(language);
    }
    config.validate()?;
    Ok((config, EngineConfig::load(overlay)?))
}

pub fn read_config(path: &Path) -> Result<String, Fault> {
    let unreadable = |e: &dyn std::fmt::Display| {
        Fault::new(
            Code::ConfigInvalid,
            format!("the configuration {} can't be read", path.display()),
            "check the name after --config",
        )
        .with_detail(e)
    };
    let meta = std::fs::metadata(path).map_err(|e| unreadable(&e))?;
    if !meta.is_file() || meta.len() > MAX_CONFIG {
        return Err(unreadable(&"no file of at most 1 MiB"));
    }
    std::fs::read_to_string(path).map_err(|e| unreadable(&e))
}

pub fn layers(names: &[String]) -> Result<Vec<omniva_sandbox::Layer>, Fault> {
    let parse = |name: &String| {
        name.parse().map_err(|_| {
            Fault::new(
                Code::Usage,
                format!("there is no sandbox layer {name:?}"),
                "name one of network, landlock, seccomp",
            )
        })
    };
    names.iter().map(parse).collect()
}

fn tell(record: &RunRecord, output: &Path, as_json: bool) {
    if as_json {
        print_line(&json!({ "event": "done", "output": output, "record": record }));
        return;
    }
    let decisions = &record.decisions;
    if let Some(why) = &decisions.choice.why_none {
        remark!("{} {why}", style::warn("no clips:"));
    }
    for warning in &decisions.warnings {
        remark!("{} {warning}", style::warn("note:"));
    }
    for decision in &decisions.clips {
        let delivered = record.clips.iter().find(|c| c.rank == decision.rank);
        let file = match (delivered, record.dry_run) {
            (Some(clip), _) => output.join(&clip.files.video).display().to_string(),
            (None, true) => "(dry run)".to_owned(),
            (None, false) => style::bad("refused"),
        };
        say!(
            "{:>2}  {:>5.1} s  {}  {}",
            decision.rank,
            decision.plan.duration(),
            style::bold(&decision.metadata.title),
            file
        );
    }
    let seconds = record.measured.wall_seconds;
    say!(
        "{} of {} candidates in {seconds:.0} s · {} · why: omniva explain {}",
        decisions.clips.len(),
        decisions.choice.candidates.len(),
        output.join("report.html").display(),
        output.display(),
    );
}
