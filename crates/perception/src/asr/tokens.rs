//! Whisper's vocabulary: text pieces, control tokens, languages, and what must never be said.

use omniva_contracts::Fault;
use serde::Deserialize;
use tokenizers::Tokenizer;

use crate::runtime::{Runtime, mismatch};

const TOKENIZER: &str = "whisper/tokenizer.json";
const CONFIG: &str = "whisper/config.json";

/// `config.json` beside the weights.
#[derive(Deserialize)]
struct Config {
    suppress_ids: Vec<u32>,
    suppress_ids_begin: Vec<u32>,
    lang_ids: Vec<u32>,
}

/// A language the model knows: token and code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tongue {
    pub token: u32,
    /// `en`, `de`, `yue` …
    pub code: String,
}

pub struct Tokens {
    tokenizer: Tokenizer,
    /// Length of the logits.
    pub vocabulary: usize,
    pub start: u32,
    pub end: u32,
    pub transcribe: u32,
    pub no_speech: u32,
    pub no_timestamps: u32,
    /// `<|0.00|>`; later tokens step by 20 ms.
    pub time_zero: u32,
    pub tongues: Vec<Tongue>,
    /// Never produced.
    pub suppressed: Vec<u32>,
    /// Never produced first.
    pub suppressed_first: Vec<u32>,
}

impl Tokens {
    /// Errors: `model_missing`, `model_mismatch`.
    pub fn load(runtime: &Runtime) -> Result<Tokens, Fault> {
        let tokenizer = Tokenizer::from_bytes(runtime.read(TOKENIZER)?)
            .map_err(|e| mismatch(TOKENIZER, "it is no tokenizer").with_detail(e))?;
        let config: Config = serde_json::from_slice(&runtime.read(CONFIG)?)
            .map_err(|e| mismatch(CONFIG, "settings of the model are absent").with_detail(e))?;
        let id = |text: &str| {
            tokenizer.token_to_id(text).ok_or_else(|| mismatch(TOKENIZER, &format!("it lacks the token {text}")))
        };
        let no_timestamps = id("<|notimestamps|>")?;
        let no_speech = id("<|nospeech|>").or_else(|_| id("<|nocaptions|>"))?;
        let end = id("<|endoftext|>")?;
        let time_zero = no_timestamps + 1;
        let vocabulary = time_zero as usize + super::TIME_STEPS + 1;
        let mut suppressed = config.suppress_ids;
        suppressed.push(no_timestamps);
        let known = |ids: &[u32]| ids.iter().all(|&id| (id as usize) < vocabulary);
        if !known(&suppressed) || !known(&config.suppress_ids_begin) || !known(&config.lang_ids) || end > time_zero {
            return Err(mismatch(CONFIG, "it does not belong to the vocabulary"));
        }
        let tongues = config
            .lang_ids
            .iter()
            .filter_map(|&token| {
                let text = tokenizer.id_to_token(token)?;
                let code = text.strip_prefix("<|")?.strip_suffix("|>")?.to_owned();
                Some(Tongue { token, code })
            })
            .collect();
        Ok(Tokens {
            start: id("<|startoftranscript|>")?,
            transcribe: id("<|transcribe|>")?,
            end,
            no_speech,
            no_timestamps,
            time_zero,
            vocabulary,
            tongues,
            suppressed,
            suppressed_first: config.suppress_ids_begin,
            tokenizer,
        })
    }

    pub fn tongue(&self, code: &str) -> Option<&Tongue> {
        self.tongues.iter().find(|t| t.code == code)
    }

    pub fn is_time(&self, token: u32) -> bool {
        token >= self.time_zero
    }

    /// Seconds that a time token stands for.
    pub fn seconds(&self, token: u32) -> f64 {
        f64::from(token.saturating_sub(self.time_zero)) * super::STEP
    }

    /// Text of `tokens`; control and time tokens say nothing.
    pub fn text(&self, tokens: &[u32]) -> Result<String, Fault> {
        let spoken: Vec<u32> = tokens.iter().copied().filter(|&t| t < self.end).collect();
        self.tokenizer.decode(&spoken, true).map_err(|e| crate::runtime::failed("speech recognition", e))
    }
}
