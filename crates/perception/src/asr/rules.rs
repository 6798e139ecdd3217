//! Which token may follow which (Whisper's own rules for transcripts with times).

use super::tokens::Tokens;

/// Latest time at which a window may begin to speak, in time tokens: 1 s.
const LATEST_START: usize = 50;
pub const FORBIDDEN: f32 = f32::NEG_INFINITY;

/// Forbids in `logits` what may not follow `said`.
///
/// Text comes between pairs of time tokens that never go back; the first token is a time; control tokens never come.
/// A time token is forced when all of them together are likelier than the likeliest text.
pub fn apply(tokens: &Tokens, said: &[u32], logits: &mut [f32]) {
    let (end, zero) = (tokens.end as usize, tokens.time_zero as usize);
    let mut forbid = |ids: std::ops::Range<usize>| {
        if let Some(range) = logits.get_mut(ids) {
            range.fill(FORBIDDEN);
        }
    };
    for &id in &tokens.suppressed {
        forbid(id as usize..id as usize + 1);
    }
    let size = tokens.vocabulary;
    let Some(&last) = said.last() else {
        for &id in &tokens.suppressed_first {
            forbid(id as usize..id as usize + 1);
        }
        forbid(0..zero);
        forbid(zero + LATEST_START + 1..size);
        return;
    };
    let after_time = tokens.is_time(last);
    let after_pair = said.len() < 2 || tokens.is_time(said[said.len() - 2]);
    if after_time && after_pair {
        forbid(zero..size);
    } else if after_time {
        forbid(0..end);
    }
    if let Some(&latest) = said.iter().rev().find(|&&t| tokens.is_time(t)) {
        // A stretch of text is never empty: only the second token of a pair may repeat the time of the first.
        let first_allowed = if after_time && !after_pair { latest } else { latest + 1 };
        forbid(zero..first_allowed as usize);
    }
    let (text, times) = logits.split_at(zero.min(logits.len()));
    let best_text = text.iter().copied().fold(FORBIDDEN, f32::max);
    if log_sum_exp(times) > best_text {
        logits[..zero].fill(FORBIDDEN);
    }
}

/// log Σ exp, without overflow; −∞ for nothing.
pub fn log_sum_exp(values: &[f32]) -> f32 {
    /// What lies this far below the top adds less than a millionth, even fifty thousand times.
    const DEEP: f32 = -25.0;
    let top = values.iter().copied().fold(FORBIDDEN, f32::max);
    if top == FORBIDDEN {
        return FORBIDDEN;
    }
    top + values.iter().map(|v| v - top).filter(|&d| d > DEEP).map(f32::exp).sum::<f32>().ln()
}
