//! Sentence embeddings: MiniLM (Wang et al. 2020; sentence-transformers' all-MiniLM-L6-v2), mean of the tokens' last
//! states, at unit length.

use std::collections::BTreeMap;

use omniva_contracts::analysis::{Embedding, ModelRun};
use omniva_contracts::{Fault, Monitor};
use ort::session::Session;
use ort::value::TensorRef;
use tokenizers::{Tokenizer, TruncationParams};

use crate::runtime::{self, Runtime};

const MODEL: &str = "minilm_int8.onnx";
const TOKENIZER: &str = "minilm_tokenizer.json";
/// Tokens of a sentence that are looked at.
const MOST_TOKENS: usize = 256;
/// Tokens in a call of the model, at most: what its memory depends on.
const BATCH_TOKENS: usize = 1024;

pub struct Embedder {
    session: Session,
    tokenizer: Tokenizer,
    pub run: ModelRun,
}

impl Embedder {
    /// Errors: `model_missing`, `model_mismatch`.
    pub fn load(runtime: &Runtime, threads: usize) -> Result<Self, Fault> {
        let session = runtime.session(MODEL, threads)?;
        let wrong = |why: &str| runtime::mismatch(TOKENIZER, why);
        let mut tokenizer =
            Tokenizer::from_bytes(runtime.read(TOKENIZER)?).map_err(|e| wrong("not a tokenizer").with_detail(e))?;
        // The file pads and cuts to 128 tokens.
        tokenizer.with_padding(None);
        tokenizer
            .with_truncation(Some(TruncationParams { max_length: MOST_TOKENS, ..Default::default() }))
            .map_err(|e| wrong("it can't truncate").with_detail(e))?;
        Ok(Self { session, tokenizer, run: runtime.model_run("embedding", "all-MiniLM-L6-v2 int8", MODEL)? })
    }

    /// Unit vectors of `texts`, in their order. Sentences of equal length share a call, so nothing is padded.
    ///
    /// Errors: `model_failed`, `cancelled`. Reports progress from 0 to 1.
    pub fn embed(&mut self, texts: &[&str], monitor: &dyn Monitor) -> Result<Vec<Vec<f32>>, Fault> {
        let mut by_length: BTreeMap<usize, Vec<(usize, Vec<i64>)>> = BTreeMap::new();
        for (i, text) in texts.iter().enumerate() {
            if monitor.cancelled() {
                return Err(Fault::cancelled());
            }
            let tokens = self.tokenizer.encode(*text, true).map_err(|e| runtime::failed("embedding", e))?;
            let ids: Vec<i64> = tokens.get_ids().iter().map(|id| i64::from(*id)).collect();
            by_length.entry(ids.len()).or_default().push((i, ids));
        }
        let mut out = vec![vec![0.0; Embedding::SIZE]; texts.len()];
        let mut done = 0;
        for (length, sentences) in by_length.iter().filter(|(length, _)| **length > 0) {
            for batch in sentences.chunks((BATCH_TOKENS / length).max(1)) {
                if monitor.cancelled() {
                    return Err(Fault::cancelled());
                }
                let ids: Vec<i64> = batch.iter().flat_map(|(_, ids)| ids.iter().copied()).collect();
                for ((i, _), vector) in batch.iter().zip(self.call(batch.len(), *length, &ids)?) {
                    out[*i] = vector;
                }
                done += batch.len();
                monitor.progress(done as f64 / texts.len() as f64);
            }
        }
        Ok(out)
    }

    fn call(&mut self, count: usize, length: usize, ids: &[i64]) -> Result<Vec<Vec<f32>>, Fault> {
        let failed = |e: ort::Error| runtime::failed("embedding", e);
        let (mask, types) = (vec![1_i64; ids.len()], vec![0_i64; ids.len()]);
        let shape = [count, length];
        let outputs = self
            .session
            .run(ort::inputs![
                "input_ids" => TensorRef::from_array_view((shape, ids)).map_err(failed)?,
                "attention_mask" => TensorRef::from_array_view((shape, mask.as_slice())).map_err(failed)?,
                "token_type_ids" => TensorRef::from_array_view((shape, types.as_slice())).map_err(failed)?,
            ])
            .map_err(failed)?;
        let states =
            outputs.get("last_hidden_state").ok_or_else(|| runtime::mismatch(MODEL, "no last_hidden_state"))?;
        let (_, states) = states.try_extract_tensor::<f32>().map_err(failed)?;
        if states.len() != ids.len() * Embedding::SIZE {
            return Err(runtime::mismatch(MODEL, "its states have another size"));
        }
        Ok(states.chunks(length * Embedding::SIZE).map(mean).collect())
    }
}

/// The mean of rows of `Embedding::SIZE` values, at unit length.
fn mean(rows: &[f32]) -> Vec<f32> {
    let mut sum = vec![0.0_f32; Embedding::SIZE];
    for row in rows.chunks(Embedding::SIZE) {
        sum.iter_mut().zip(row).for_each(|(s, v)| *s += v);
    }
    let norm = sum.iter().map(|v| v * v).sum::<f32>().sqrt();
    if norm > 0.0 && norm.is_finite() {
        sum.into_iter().map(|v| v / norm).collect()
    } else {
        vec![0.0; Embedding::SIZE]
    }
}
