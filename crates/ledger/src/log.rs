//! `checkpoints.log`: signed checkpoints kept outside the database, one JSON object a line, only ever appended to. It is what
//! tells that the whole database was put back to an older copy.
//!
//! Whoever appends writes every checkpoint that the file lacks, in order, after the database has it: then at most the
//! newest is missing, after a crash between the two.

use omniva_contracts::engine::Checkpoint;

use super::canonical_value;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct CheckpointLog {
    /// Oldest first.
    pub checkpoints: Vec<Checkpoint>,
    /// The last line is incomplete: a write was cut off. The next append starts with a new line.
    pub torn: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "line {line} of the checkpoint log is no checkpoint ({message}): restore the file from a copy, or verify without it"
)]
pub struct LogFault {
    /// From 1.
    pub line: usize,
    pub message: String,
}

/// One line, with its end.
pub fn write_checkpoint(checkpoint: &Checkpoint) -> String {
    // A struct of strings and numbers always is a JSON value.
    let value = serde_json::to_value(checkpoint).unwrap_or_default();
    let mut line = String::from_utf8(canonical_value(&value)).unwrap_or_default();
    line.push('\n');
    line
}

pub fn read_checkpoints(text: &str) -> Result<CheckpointLog, LogFault> {
    let mut log = CheckpointLog::default();
    for (n, line) in text.split_inclusive('\n').enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        match serde_json::from_str(line) {
            Ok(checkpoint) => log.checkpoints.push(checkpoint),
            Err(_) if !line.ends_with('\n') => log.torn = true,
            Err(error) => return Err(LogFault { line: n + 1, message: error.to_string() }),
        }
    }
    Ok(log)
}
