//! The stages one by one, for the engine's workers, which keep what lies between them.

use std::path::PathBuf;

use omniva_contracts::analysis::Analysis;
use omniva_contracts::choice::Choice;
use omniva_contracts::config::{BrandKit, ModelManifest};
use omniva_contracts::qc::QcReport;
use omniva_contracts::record::ClipRecord;
use omniva_contracts::{Code, Fault};
use omniva_editing::Fonts;

use crate::deliver;
use crate::edit::{self, Failed, Finished, Order, Planned};
use crate::fonts::FontFile;
use crate::reporter::Stage;
use crate::source::Source;
use crate::understand::understand;
use crate::workshop::Workshop;

/// Looks, listens, reads and chooses. What was found is kept in the cache; the choice is made anew each time (it is pure
/// and takes a moment).
pub fn analyze(workshop: &Workshop<'_>, source: &Source) -> Result<(Analysis, Choice), Fault> {
    let analysis = understand(workshop, source)?;
    let timer = workshop.begin(Stage::Choose, "");
    let choice = omniva_cognition::choose(&analysis, workshop.config);
    workshop.end(timer, false);
    Ok((analysis, choice))
}

/// Errors: `input_too_short` when not even the shortest clip that is wanted fits into the source.
pub fn long_enough(source: &Source, min_seconds: f64) -> Result<(), Fault> {
    if source.info.duration >= min_seconds {
        return Ok(());
    }
    let length = source.info.duration;
    let advice = if length >= 5.0 {
        format!("pass --min {}", length.floor().max(5.0))
    } else {
        "a clip needs at least 5 s".to_owned()
    };
    Err(Fault::new(
        Code::InputTooShort,
        format!(
            "{} is {length:.1} s long, shorter than the shortest clip that is wanted ({min_seconds} s)",
            source.name
        ),
        advice,
    ))
}

/// A clip that is planned, rendered and checked. Its large files lie in the cache for as long as this lives.
pub struct Edited {
    pub record: ClipRecord,
    finished: Finished,
}

impl Edited {
    pub fn video(&self) -> PathBuf {
        self.finished.video.clone()
    }
    pub fn thumbnail(&self) -> PathBuf {
        self.finished.thumbnail.clone()
    }
    /// Names and texts of the subtitle files, none without captions.
    pub fn subtitles(&self) -> Vec<(String, String)> {
        deliver::subtitles(&self.record.files, &self.record.plan)
    }
    /// The record as it is written into its file.
    pub fn record_bytes(&self) -> Result<Vec<u8>, Fault> {
        deliver::json_bytes(&self.record)
    }
}

/// A finished clip in another brand kit.
pub struct Varied(Finished);

impl Varied {
    pub fn video(&self) -> PathBuf {
        self.0.video.clone()
    }
    pub fn thumbnail(&self) -> PathBuf {
        self.0.thumbnail.clone()
    }
    pub fn qc(&self) -> &QcReport {
        &self.0.qc
    }
}

/// Renders and checks a finished clip once more with another brand kit, and nothing else changed. `variant` is for messages.
///
/// Errors: the fault, with the report of quality control where that refused it.
pub fn edit_varied(
    workshop: &Workshop<'_>,
    source: &Source,
    analysis: &Analysis,
    font_files: &[FontFile],
    edited: &Edited,
    (variant, kit): (&str, &BrandKit),
) -> Result<Varied, Failed> {
    let video = &edited.record.files.video;
    let name = format!("{} ({variant})", video.strip_suffix(".mp4").unwrap_or(video));
    edit::vary(workshop, source, analysis, font_files, (&name, &edited.finished), kit).map(Varied)
}

/// Told between planning and rendering, when the plan is known and nothing has been rendered.
pub type OnPlan<'a> = dyn Fn(&Planned) + 'a;

/// Plans, renders, checks and, where quality control asks for it, once repairs a single clip.
///
/// Errors: the fault, with the report of quality control where that refused the clip.
pub fn edit_one(
    workshop: &Workshop<'_>,
    source: &Source,
    analysis: &Analysis,
    order: &Order<'_>,
    font_files: &[FontFile],
    on_plan: &OnPlan<'_>,
) -> Result<Edited, Failed> {
    let planned = edit::plan(workshop.config, &source.name, analysis, order, &fonts_of(font_files))?;
    on_plan(&planned);
    let finished = edit::produce(workshop, source, analysis, &planned, font_files)?;
    Ok(Edited { record: edit::record(analysis, &planned, &finished), finished })
}

pub(crate) fn fonts_of(files: &[FontFile]) -> Fonts {
    Fonts::new(files.iter().map(|f| (f.family.clone(), f.file.clone(), f.bytes.clone())).collect())
}

/// Looks whether every model is there with its size (their hashes are checked when the engine starts).
///
/// Errors: `model_missing`, `model_mismatch`, naming the file.
pub fn models_present(folder: &std::path::Path, manifest: &ModelManifest) -> Result<(), Fault> {
    for file in &manifest.files {
        let (code, what) = match std::fs::metadata(folder.join(&file.path)) {
            Ok(meta) if meta.len() == file.bytes => continue,
            Ok(_) => (Code::ModelMismatch, "is not the file that config/models.toml names (its size differs)"),
            Err(_) => (Code::ModelMissing, "is missing"),
        };
        return Err(Fault::new(
            code,
            format!("the model {} in {} {what}", file.path, folder.display()),
            "run: omniva models fetch",
        ));
    }
    Ok(())
}
