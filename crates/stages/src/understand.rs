//! Source → [`Analysis`]: listening, then reading what was said; and watching beside both.

use omniva_contracts::analysis::{Analysis, Heard, Read, Seen};
use omniva_contracts::jobs::{ChildJob, ListenJob, ReadJob, WatchJob};
use omniva_contracts::{Code, Fault, SCHEMA_VERSION};
use omniva_perception::http;
use serde_json::json;

use crate::reporter::{Stage, StageMonitor};
use crate::source::Source;
use crate::workshop::{Access, Workshop};

/// Parts of the cache keys: raise one when its stage would find something else in the same source.
const LISTEN_VERSION: u32 = 1;
const WATCH_VERSION: u32 = 1;
const READ_VERSION: u32 = 1;

pub fn understand(workshop: &Workshop<'_>, source: &Source) -> Result<Analysis, Fault> {
    let (said, seen) = std::thread::scope(|scope| {
        let watching = scope.spawn(|| watch(workshop, source));
        let said = listen(workshop, source).and_then(|heard| Ok((read(workshop, source, &heard)?, heard)));
        let seen =
            watching.join().unwrap_or_else(|_| Err(Fault::internal("watching the source ended without an answer")));
        (said, seen)
    });
    // Whichever failed by itself is told; the other may only have been stopped.
    let ((read, heard), seen) = match (said, seen) {
        (Err(a), Err(b)) if a.code == Code::Cancelled => return Err(b),
        (said, seen) => (said?, seen?),
    };
    let mut info = source.info.clone();
    info.inside_bars = common_bars(&seen);
    Ok(Analysis { schema_version: SCHEMA_VERSION.to_owned(), media: info, heard, seen, read })
}

/// Bars that every shot of the source shares.
fn common_bars(seen: &Seen) -> Option<omniva_contracts::Rect> {
    let first = (*seen.inside_bars.first()?)?;
    seen.inside_bars.iter().all(|bars| bars.is_some_and(|b| b.iou(&first) > 0.97)).then_some(first)
}

fn listen(workshop: &Workshop<'_>, source: &Source) -> Result<Heard, Fault> {
    if source.info.audio.is_none() {
        return Ok(Heard::default());
    }
    let config = &workshop.config.recognizer;
    let Some(second) = &config.http else {
        return hear(workshop, source, true);
    };
    if !second.first {
        match hear(workshop, source, true) {
            Err(fault)
                if matches!(
                    fault.code,
                    Code::ChildTimeout | Code::ModelFailed | Code::ChildMemory | Code::ChildKilled
                ) =>
            {
                workshop.reporter.note(&format!(
                    "the built-in recogniser failed ({}); asking {}",
                    fault.code.as_str(),
                    second.url
                ));
            }
            other => return other,
        }
        return ask_second(workshop, source);
    }
    match ask_second(workshop, source) {
        Err(fault) if matches!(fault.code, Code::RecognizerHttp | Code::RecognizerTimeout) => {
            workshop.reporter.note(&format!(
                "{} failed ({}); using the built-in recogniser",
                second.url,
                fault.code.as_str()
            ));
            let mut heard = hear(workshop, source, true)?;
            heard.warnings.push(format!("the configured recogniser failed: {}", fault.message));
            Ok(heard)
        }
        other => other,
    }
}

/// The child's listening pass, with or without its own recogniser.
fn hear(workshop: &Workshop<'_>, source: &Source, recognize: bool) -> Result<Heard, Fault> {
    let timer = workshop.begin(Stage::Listen, "");
    let config = workshop.config;
    let language = (config.clip.language != "auto").then(|| config.clip.language.clone());
    let key = json!({
        "source": source.info.sha256, "repairs": source.info.repairs, "recognize": recognize,
        "language": language, "low_confidence": config.recognizer.low_confidence,
        "models": workshop.model_hashes(&["voice_activity", "speech_recognition", "speaker", "runtime"]),
    });
    let made = workshop.cached::<Heard>(Stage::Listen, LISTEN_VERSION, &key, |out_dir| {
        let job = ListenJob {
            media: source.media.clone(),
            info: source.info.clone(),
            models: workshop.models.clone(),
            out_dir: out_dir.to_owned(),
            language: language.clone(),
            recognize,
            low_confidence: config.recognizer.low_confidence,
            // The picture is watched at the same time: each has a core.
            threads: workshop.threads_beside(2),
        };
        let mut access = Access { read: source.readable(), models: true, ..Access::new(source.info.duration) };
        access.wall_limit =
            Some(config.limits.child_base_seconds + config.recognizer.timeout_factor * source.info.duration);
        workshop.child(Stage::Listen, "", ChildJob::Listen(job), access, out_dir)
    })?;
    workshop.end(timer, made.from_cache);
    Ok(made.value)
}

/// The second recogniser, over HTTP. It runs here and not in the sandbox, which has no network; what it is sent is sound
/// that the sandboxed child decoded.
fn ask_second(workshop: &Workshop<'_>, source: &Source) -> Result<Heard, Fault> {
    let Some(second) = &workshop.config.recognizer.http else {
        return Err(Fault::internal("no second recogniser is configured"));
    };
    let folder = workshop.work_dir()?;
    let config = workshop.config;
    let timer = workshop.begin(Stage::Listen, "");
    let job = ListenJob {
        media: source.media.clone(),
        info: source.info.clone(),
        models: workshop.models.clone(),
        out_dir: folder.path().to_owned(),
        language: None,
        recognize: false,
        low_confidence: config.recognizer.low_confidence,
        threads: workshop.threads_beside(2),
    };
    let access = Access { read: source.readable(), models: true, ..Access::new(source.info.duration) };
    let mut heard: Heard = workshop.child(Stage::Listen, "", ChildJob::Listen(job), access, folder.path())?;
    let monitor = StageMonitor::new(workshop.reporter, Stage::Listen, "");
    let language = (config.clip.language != "auto").then_some(config.clip.language.as_str());
    let answer = http::recognize_wav(
        &folder.path().join("speech.wav"),
        &heard.speech,
        second,
        language,
        config.recognizer.low_confidence,
        &monitor,
    )?;
    (heard.language, heard.segments) = answer;
    workshop.end(timer, false);
    Ok(heard)
}

fn watch(workshop: &Workshop<'_>, source: &Source) -> Result<Seen, Fault> {
    if source.audio_only() {
        return Ok(Seen::default());
    }
    let timer = workshop.begin(Stage::Watch, "");
    let rate = workshop.config.watch.faces_per_second;
    let key = json!({
        "source": source.info.sha256, "repairs": source.info.repairs, "faces_per_second": rate,
        "models": workshop.model_hashes(&["faces", "runtime"]),
    });
    let made = workshop.cached::<Seen>(Stage::Watch, WATCH_VERSION, &key, |out_dir| {
        let job = WatchJob {
            media: source.media.clone(),
            info: source.info.clone(),
            models: workshop.models.clone(),
            out_dir: out_dir.to_owned(),
            faces_per_second: rate,
            threads: workshop.threads_beside(2),
        };
        let access = Access { read: source.readable(), models: true, ..Access::new(source.info.duration) };
        workshop.child(Stage::Watch, "", ChildJob::Watch(job), access, out_dir)
    })?;
    workshop.end(timer, made.from_cache);
    Ok(made.value)
}

fn read(workshop: &Workshop<'_>, source: &Source, heard: &Heard) -> Result<Read, Fault> {
    if heard.segments.is_empty() {
        return Ok(Read::default());
    }
    let timer = workshop.begin(Stage::Read, "");
    let keywords = workshop.config.clip.keywords.clone();
    let key = json!({
        "heard": heard, "keywords": keywords, "duration": source.info.duration,
        "models": workshop.model_hashes(&["embedding", "sentiment", "runtime"]),
    });
    let made = workshop.cached::<Read>(Stage::Read, READ_VERSION, &key, |out_dir| {
        let job = ReadJob {
            heard: heard.clone(),
            duration: source.info.duration,
            models: workshop.models.clone(),
            out_dir: out_dir.to_owned(),
            keywords: keywords.clone(),
        };
        let access = Access { models: true, ..Access::new(source.info.duration) };
        workshop.child(Stage::Read, "", ChildJob::Read(job), access, out_dir)
    })?;
    workshop.end(timer, made.from_cache);
    Ok(made.value)
}
