//! `omniva clip`

use std::path::Path;

use omniva_assets::Cache;
use omniva_contracts::config::{Config, ModelManifest};
use omniva_contracts::ports::SystemClock;
use omniva_contracts::record::RunRecord;
use omniva_contracts::{Code, Fault};
use omniva_stages::{ClipRequest, Program, Reporter, Workshop};
use serde_json::json;

use crate::cli::{CHILD, ClipArgs};
use crate::progress::{Quiet, Shown, print_line, stop_on_signals};
use crate::{models, style};

/// Largest configuration file that is read.
const MAX_CONFIG: u64 = 1 << 20;

pub fn run(args: ClipArgs, models_folder: &Path, as_json: bool) -> Result<u8, Fault> {
    let config = config(&args)?;
    let stop = stop_on_signals();
    let shown = Shown::new(as_json, stop.clone());
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
    let cache = Cache::open(&folder, (config.limits.cache_gigabytes * 1e9) as u64)?;
    let program =
        std::env::current_exe().map_err(|e| Fault::internal("omniva can't find its own binary").with_detail(e))?;
    let workshop = Workshop::new(
        &config,
        &manifest,
        models_folder,
        &cache,
        Program { path: program, args: vec![CHILD.into()] },
        &shown,
        args.force,
        layers(&args.allow_missing_sandbox)?,
    )?;
    let request = ClipRequest {
        input: args.input,
        output: args.output.clone(),
        dry_run: args.dry_run,
        replace: args.force,
        keep_analysis: args.analysis,
    };
    let record = omniva_stages::clip(&workshop, &request, &SystemClock, &omniva_report::html)?;
    for failure in &record.failures {
        shown.note(&format!(
            "{} [{}]; {}",
            failure.fault.message,
            failure.fault.code.as_str(),
            failure.fault.next_step
        ));
    }
    tell(&record, &args.output, as_json);
    Ok(status(&record))
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
fn config(args: &ClipArgs) -> Result<Config, Fault> {
    let overlay = match &args.config {
        None => None,
        Some(path) => Some((path.display().to_string(), read_config(path)?)),
    };
    let mut config = Config::load(overlay.as_ref().map(|(name, text)| (name.as_str(), text.as_str())))?;
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
    Ok(config)
}

pub(super) fn read_config(path: &Path) -> Result<String, Fault> {
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

pub(super) fn layers(names: &[String]) -> Result<Vec<omniva_sandbox::Layer>, Fault> {
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
        eprintln!("{} {why}", style::warn("no clips:"));
    }
    for warning in &decisions.warnings {
        eprintln!("{} {warning}", style::warn("note:"));
    }
    for decision in &decisions.clips {
        let delivered = record.clips.iter().find(|c| c.rank == decision.rank);
        let file = match (delivered, record.dry_run) {
            (Some(clip), _) => output.join(&clip.files.video).display().to_string(),
            (None, true) => "(dry run)".to_owned(),
            (None, false) => style::bad("refused"),
        };
        println!(
            "{:>2}  {:>5.1} s  {}  {}",
            decision.rank,
            decision.plan.duration(),
            style::bold(&decision.metadata.title),
            file
        );
    }
    let seconds = record.measured.wall_seconds;
    println!(
        "{} of {} candidates in {seconds:.0} s · {} · why: omniva explain {}",
        decisions.clips.len(),
        decisions.choice.candidates.len(),
        output.join("report.html").display(),
        output.display(),
    );
}
