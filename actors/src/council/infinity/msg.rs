//! Messages of Infinity.

use super::perform::Reading;

pub enum Msg {
    /// Time for a reading.
    Sample,
    Sampled(Reading),
}
