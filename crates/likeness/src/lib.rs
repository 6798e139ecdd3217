//! Telling that two videos show or say the same, although no byte of them is the same: copies that were encoded anew,
//! trimmed, made louder, scaled, marked, put between bars or mirrored.
//!
//! A [`Print`] is what is kept of a video: some landmarks of its sound ([`Hearing`]) and a hash of its picture twice a
//! second ([`Sight`]). An [`Index`] holds the prints of all videos and says of a new one which others share how many
//! seconds with it ([`Match`]). Pure: no I/O, no clock, no decoder; whoever decodes feeds samples and small grey frames.
//!
//! What is not found: changed pitch, or no sound at all, together with a picture that hardly moves and bears a large mark
//! that the other has not; pictures that were turned, or cropped by more than some percent, under other sound. A mark can
//! also hide that a copy is mirrored, which is then told by its sound alone.

pub mod index;
mod print;
pub mod sight;
pub mod sound;
mod thresholds;

pub use index::{Full, Index, Match, Shared};
pub use print::{Broken, Landmark, MAX_LANDMARKS, MAX_RUNS, Print, Run, VERSION};
pub use sight::Sight;
pub use sound::Hearing;
pub use thresholds::Thresholds;
