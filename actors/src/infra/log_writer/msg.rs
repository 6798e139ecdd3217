//! Messages of the log writer.

use omniva_contracts::engine::LogRow;

pub enum Msg {
    /// Wait for rows.
    Pump,
    Rows(Vec<LogRow>),
}
