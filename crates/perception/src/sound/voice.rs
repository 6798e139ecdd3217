//! The speaker model: a d-vector (256 values) for 0.8 s of voice.

use ort::session::Session;
use ort::value::TensorRef;

use omniva_contracts::Fault;
use omniva_contracts::analysis::ModelRun;

use super::mel::BANDS;
use crate::runtime::{self, Runtime};

const FILE: &str = "speaker_dvector_int8.onnx";
/// Frames a window (0.8 s).
pub const SIZE: usize = 80;
/// Frames between two windows (0.4 s).
pub const STRIDE: usize = 40;
/// Values of a d-vector.
pub const VALUES: usize = 256;
/// Windows a call of the model: enough to fill it, little enough to stay small.
const BATCH: usize = 32;

pub struct Voice {
    session: Session,
    run: ModelRun,
}

impl Voice {
    pub fn load(runtime: &Runtime) -> Result<Self, Fault> {
        let session = runtime.session(FILE, 1)?;
        let fits = session.inputs().iter().any(|i| i.name() == "mel_window")
            && session.outputs().iter().any(|o| o.name() == "embedding");
        if !fits {
            return Err(runtime::mismatch(FILE, "it is not the speaker model"));
        }
        Ok(Self { session, run: runtime.model_run("speaker", "voicefilter d-vector int8", FILE)? })
    }

    pub fn run(&self) -> &ModelRun {
        &self.run
    }

    /// Unit vectors of `windows`, each of `SIZE * BANDS` values.
    pub fn embed(&mut self, windows: &[Vec<f32>]) -> Result<Vec<Vec<f32>>, Fault> {
        let mut out = Vec::with_capacity(windows.len());
        for batch in windows.chunks(BATCH) {
            let flat: Vec<f32> = batch.concat();
            let failed = |e: ort::Error| runtime::failed("speaker", e);
            let input = TensorRef::from_array_view(([batch.len(), SIZE, BANDS], flat.as_slice())).map_err(failed)?;
            let outputs = self.session.run(ort::inputs!["mel_window" => input]).map_err(failed)?;
            let (_, values) = outputs["embedding"].try_extract_tensor::<f32>().map_err(failed)?;
            if values.len() != batch.len() * VALUES {
                return Err(runtime::failed("speaker", format!("{} values for {} windows", values.len(), batch.len())));
            }
            out.extend(values.chunks(VALUES).map(unit));
        }
        Ok(out)
    }
}

/// `vector` at length 1; unchanged when it has no length.
pub fn unit(vector: &[f32]) -> Vec<f32> {
    let norm = vector.iter().map(|v| v * v).sum::<f32>().sqrt();
    if norm > 0.0 && norm.is_finite() { vector.iter().map(|v| v / norm).collect() } else { vec![0.0; vector.len()] }
}

/// Cosine of two vectors of any length, 0 when one is zero.
pub fn cosine(a: &[f32], b: &[f32]) -> f32 {
    omniva_contracts::analysis::Embedding::cosine(a, b) as f32
}
