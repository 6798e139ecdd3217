//! ONNX Runtime and the folder of models: the only way to a session.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use omniva_contracts::analysis::ModelRun;
use omniva_contracts::{Code, Fault, hex};
use ort::environment::Environment;
use ort::logging::LogLevel;
use ort::session::Session;
use ort::session::builder::GraphOptimizationLevel;
use sha2::{Digest, Sha256};

use crate::onnx;

/// ONNX Runtime allows one environment a process, even after the first one is gone, so it lives as long as the process.
static ENVIRONMENT: Mutex<Option<Environment>> = Mutex::new(None);

/// Largest model file that is read into memory.
const MAX_MODEL_BYTES: u64 = 2 << 30;

/// ONNX Runtime, loaded, and a folder of models. Cheap to clone; clones share the hashes of the files read so far.
#[derive(Clone)]
pub struct Runtime {
    environment: Environment,
    models: PathBuf,
    digests: Arc<Mutex<BTreeMap<String, String>>>,
}

impl Runtime {
    /// Loads `ort/libonnxruntime.so*` out of `models`. The first call of a process decides which library it is.
    ///
    /// Errors: `model_missing` when the library is absent, `model_mismatch` when it can't be loaded or is too old.
    pub fn load(models: &Path) -> Result<Runtime, Fault> {
        let library = library(models)?;
        let mut shared = ENVIRONMENT.lock().unwrap_or_else(PoisonError::into_inner);
        let environment = match &*shared {
            Some(environment) => environment.clone(),
            None => {
                let wrong = |detail: String| {
                    Fault::new(
                        Code::ModelMismatch,
                        format!("ONNX Runtime can't be loaded from {}", library.display()),
                        "fetch the models again: omniva models fetch",
                    )
                    .with_detail(detail)
                };
                let environment = ort::init_from(&library)
                    .map_err(|e| wrong(e.to_string()))?
                    .with_name("omniva")
                    .with_telemetry(false)
                    .build()
                    .map_err(|e| wrong(e.to_string()))?;
                environment.set_log_level(LogLevel::Fatal);
                shared.insert(environment).clone()
            }
        };
        Ok(Runtime { environment, models: models.to_owned(), digests: Arc::default() })
    }

    /// Full path of a file of the models folder.
    pub fn path(&self, file: &str) -> PathBuf {
        self.models.join(file)
    }

    /// Contents of `file` (a path inside the models folder).
    ///
    /// Errors: `model_missing`.
    pub fn read(&self, file: &str) -> Result<Vec<u8>, Fault> {
        let path = self.path(file);
        let mut bytes = Vec::new();
        std::fs::File::open(&path)
            .and_then(|f| f.take(MAX_MODEL_BYTES + 1).read_to_end(&mut bytes))
            .map_err(|e| missing(&path).with_detail(e))?;
        if bytes.len() as u64 > MAX_MODEL_BYTES {
            return Err(mismatch(file, "larger than 2 GiB"));
        }
        let mut digests = self.digests.lock().unwrap_or_else(PoisonError::into_inner);
        digests.entry(file.to_owned()).or_insert_with(|| hex(&Sha256::digest(&bytes)));
        Ok(bytes)
    }

    /// Builds a session of the model `file` that computes on `threads` threads and sleeps between its tasks.
    ///
    /// Errors: `model_missing` when the file is absent, `model_mismatch` when it is no model or names other files.
    pub fn session(&self, file: &str, threads: usize) -> Result<Session, Fault> {
        let bytes = self.read(file)?;
        match onnx::has_external_data(&bytes) {
            Ok(false) => {}
            Ok(true) => return Err(mismatch(file, "its weights are in other files")),
            Err(onnx::Malformed) => return Err(mismatch(file, "not an ONNX model")),
        }
        let build = || -> Result<Session, ort::Error> {
            // Spinning threads would take the time that the rest of the pipeline needs.
            Session::builder(&self.environment)?
                .with_optimization_level(GraphOptimizationLevel::Level3)?
                .with_intra_threads(threads.max(1))?
                .with_inter_threads(1)?
                .with_intra_op_spinning(false)?
                .with_inter_op_spinning(false)?
                .with_log_level(LogLevel::Fatal)?
                .commit_from_memory(&bytes)
        };
        build().map_err(|e| mismatch(file, "ONNX Runtime can't load it").with_detail(e))
    }

    /// The record of a model that took part: `file`'s hash under a role and a name.
    ///
    /// Errors: `model_missing`.
    pub fn model_run(&self, role: &str, name: &str, file: &str) -> Result<ModelRun, Fault> {
        let known = self.digests.lock().unwrap_or_else(PoisonError::into_inner).get(file).cloned();
        let sha256 = match known {
            Some(digest) => digest,
            None => hex(&Sha256::digest(self.read(file)?)),
        };
        Ok(ModelRun { role: role.into(), name: name.into(), sha256 })
    }
}

/// A fault for a model that fails while it computes: `model_failed`.
pub fn failed(what: &str, error: impl std::fmt::Display) -> Fault {
    Fault::new(
        Code::ModelFailed,
        format!("the {what} model failed"),
        "run the same command again; if it fails the same way, free some memory",
    )
    .with_detail(error)
}

/// A fault for a model file that is not what it should be: `model_mismatch`.
pub fn mismatch(file: &str, why: &str) -> Fault {
    Fault::new(
        Code::ModelMismatch,
        format!("the model file {file} can't be used: {why}"),
        "fetch the models again: omniva models fetch",
    )
}

fn missing(path: &Path) -> Fault {
    Fault::new(
        Code::ModelMissing,
        format!("{} is missing", path.display()),
        "fetch the models (omniva models fetch) or name their folder",
    )
}

/// The newest `libonnxruntime.so*`, by name, so that the choice does not depend on the folder's order.
fn library(models: &Path) -> Result<PathBuf, Fault> {
    let folder = models.join("ort");
    let absent = || missing(&folder.join("libonnxruntime.so"));
    let entries = std::fs::read_dir(&folder).map_err(|e| absent().with_detail(e))?;
    entries
        .filter_map(|entry| entry.ok().map(|e| e.path()))
        .filter(|p| {
            p.file_name().and_then(|n| n.to_str()).is_some_and(|n| n.starts_with("libonnxruntime.so")) && p.is_file()
        })
        .max()
        .ok_or_else(absent)
}
