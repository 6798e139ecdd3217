//! The two graphs of Whisper. Attention caches stay inside ONNX Runtime: they go from one step's outputs into the next
//! step's inputs without a copy.

use std::borrow::Cow;

use omniva_contracts::Fault;
use ort::memory::Allocator;
use ort::session::{HasSelectedOutputs, OutputSelector, RunOptions, Session, SessionInputValue};
use ort::value::{DynValue, Tensor, TensorRef, ValueType};

use super::mel::{BANDS, FRAMES};
use super::tokens::Tokens;
use crate::runtime::{Runtime, failed, mismatch};

pub const ENCODER: &str = "whisper/onnx/encoder_int8.onnx";
pub const DECODER: &str = "whisper/onnx/decoder_int8.onnx";
const ROLE: &str = "speech recognition";
/// `onnxruntime_run_options_config_keys.h`: arenas of the devices named give back the blocks that nobody holds, after the run.
const SHRINK_ARENA: &str = "memory.enable_memory_arena_shrinkage";

/// Names of one attention tensor as the decoder takes it, and as encoder or decoder give it.
struct Slot {
    past: String,
    present: String,
}

pub struct Model {
    encoder: Session,
    decoder: Session,
    /// Attention of the text to itself, growing by one position a step.
    own: Vec<Slot>,
    /// Attention of the text to the sound, computed once a window.
    cross: Vec<Slot>,
    heads: usize,
    width: usize,
    vocabulary: usize,
}

/// What the encoder made of a window.
pub struct Sound(Vec<DynValue>);

/// How far the decoder is: its attention to the tokens so far.
pub struct Cache(Vec<DynValue>);

/// What one call of the decoder gives for the `n` tokens fed.
pub struct Output {
    /// `n` × vocabulary.
    pub logits: Vec<f32>,
    /// `heads` × [`super::TIME_STEPS`]: what the model listens to while it chooses the token after the last one fed,
    /// unnormalised.
    pub attention: Vec<f32>,
    pub heads: usize,
}

impl Model {
    /// Errors: `model_missing`; `model_mismatch` when the graphs do not fit each other or the vocabulary.
    pub fn load(runtime: &Runtime, tokens: &Tokens, threads: usize) -> Result<Model, Fault> {
        let encoder = runtime.session(ENCODER, threads)?;
        let decoder = runtime.session(DECODER, threads)?;
        let (own, cross) = (slots(&decoder, ".decoder."), slots(&decoder, ".encoder."));
        let (heads, width) =
            cache_shape(&decoder).ok_or_else(|| mismatch(DECODER, "its caches have no known shape"))?;
        let gives = |session: &Session, name: &str| session.outputs().iter().any(|o| o.name() == name);
        let takes = |session: &Session, name: &str| session.inputs().iter().any(|i| i.name() == name);
        if !takes(&encoder, "input_features") || !cross.iter().all(|s| gives(&encoder, &s.present)) {
            return Err(mismatch(ENCODER, "its inputs or outputs are not those of Whisper"));
        }
        if own.is_empty()
            || !takes(&decoder, "input_ids")
            || !["logits", "cross_qk"].iter().all(|name| gives(&decoder, name))
            || !own.iter().all(|s| gives(&decoder, &s.present))
        {
            return Err(mismatch(DECODER, "its inputs or outputs are not those of Whisper"));
        }
        Ok(Model { encoder, decoder, own, cross, heads, width, vocabulary: tokens.vocabulary })
    }

    /// Listens to one window, given as [`super::mel::LogMel`] writes it.
    pub fn encode(&mut self, mel: &[f32]) -> Result<Sound, Fault> {
        let fail = |e: ort::Error| failed(ROLE, e);
        let input = TensorRef::from_array_view(([1, BANDS, FRAMES], mel)).map_err(fail)?;
        let options = self.passing().map_err(fail)?;
        let inputs = ort::inputs!["input_features" => input];
        let mut outputs = self.encoder.run_with_options(inputs, &options).map_err(fail)?;
        let take = |slot: &Slot| outputs.remove(&slot.present).ok_or_else(|| failed(ROLE, "no attention"));
        Ok(Sound(self.cross.iter().map(take).collect::<Result<_, _>>()?))
    }

    /// For a run of the encoder whose working memory (180 MB) goes back afterwards, so that it is not held while the text is
    /// written: the arena is emptied, and the outputs, which would hold its blocks, lie outside of it.
    fn passing(&self) -> Result<RunOptions<HasSelectedOutputs>, ort::Error> {
        let mut outputs = OutputSelector::no_default();
        for Slot { present, .. } in &self.cross {
            let room = Tensor::<f32>::new(&Allocator::default(), [1, self.heads, super::TIME_STEPS, self.width])?;
            outputs = outputs.with(present).preallocate(present, room);
        }
        let mut options = RunOptions::new()?;
        options.set(SHRINK_ARENA, "cpu:0")?;
        Ok(options.with_outputs(outputs))
    }

    /// Before the first token.
    pub fn empty(&self) -> Result<Cache, Fault> {
        let none = || {
            Tensor::from_array(([1, self.heads, 0, self.width], Vec::<f32>::new()))
                .map(|t| t.into_dyn())
                .map_err(|e| failed(ROLE, e))
        };
        Ok(Cache(self.own.iter().map(|_| none()).collect::<Result<_, _>>()?))
    }

    /// Feeds `ids` after what `cache` holds, and moves `cache` on.
    pub fn step(&mut self, ids: &[u32], cache: &mut Cache, sound: &Sound) -> Result<Output, Fault> {
        if ids.is_empty() {
            return Err(Fault::internal("the decoder was given no token"));
        }
        let fail = |e: ort::Error| failed(ROLE, e);
        let tokens: Vec<i64> = ids.iter().map(|&id| i64::from(id)).collect();
        let tokens = Tensor::from_array(([1, tokens.len()], tokens)).map_err(fail)?;
        let mut inputs: Vec<(Cow<'_, str>, SessionInputValue<'_>)> = Vec::with_capacity(1 + 2 * self.own.len());
        inputs.push(("input_ids".into(), tokens.into()));
        for (slot, value) in self.own.iter().zip(&cache.0).chain(self.cross.iter().zip(&sound.0)) {
            inputs.push((slot.past.as_str().into(), value.into()));
        }
        let mut outputs = self.decoder.run(inputs).map_err(fail)?;
        let logits = floats(outputs.get("logits"), ids.len() * self.vocabulary)?;
        let attention = outputs.get("cross_qk");
        let row = ids.len() * super::TIME_STEPS;
        let heads =
            attention.and_then(|a| a.shape().get(1).copied()).and_then(|h| usize::try_from(h).ok()).unwrap_or(0);
        let attention = floats(attention, heads * row)?;
        let last =
            attention.chunks_exact(row.max(1)).flat_map(|head| &head[row - super::TIME_STEPS..]).copied().collect();
        let take = |slot: &Slot| outputs.remove(&slot.present).ok_or_else(|| failed(ROLE, "no cache"));
        let moved = self.own.iter().map(take).collect::<Result<Vec<_>, _>>()?;
        drop(outputs);
        cache.0 = moved;
        Ok(Output { logits, attention: last, heads })
    }
}

fn floats(value: Option<&DynValue>, expected: usize) -> Result<Vec<f32>, Fault> {
    let (_, data) = value
        .ok_or_else(|| failed(ROLE, "an output is absent"))?
        .try_extract_tensor::<f32>()
        .map_err(|e| failed(ROLE, e))?;
    if data.len() != expected {
        return Err(mismatch(DECODER, "an output has another size than the vocabulary asks for"));
    }
    Ok(data.to_vec())
}

fn slots(decoder: &Session, which: &str) -> Vec<Slot> {
    decoder
        .inputs()
        .iter()
        .filter(|input| input.name().contains(which))
        .map(|input| Slot {
            past: input.name().to_owned(),
            present: input.name().replace("past_key_values", "present"),
        })
        .collect()
}

/// Heads and width of a head, from the first cache input `[batch, heads, past, width]`.
fn cache_shape(decoder: &Session) -> Option<(usize, usize)> {
    let input = decoder.inputs().iter().find(|i| i.name().contains(".decoder."))?;
    let ValueType::Tensor { shape, .. } = input.dtype() else { return None };
    let at = |i: usize| shape.get(i).and_then(|&n| usize::try_from(n).ok()).filter(|&n| n > 0);
    Some((at(1)?, at(3)?))
}
