//! What operators ask of the engine. A command becomes a plan (rows, packets, answer) by reading only; Zenith seals and
//! commits it. The API and the command line use nothing else to change anything.
//!
//! Invariant: nothing here writes. A plan rests on versions that were read; when one has moved on, the commit is refused
//! as a whole and the command is planned anew ([`after`]).

mod audit;
mod calendar;
mod check;
mod clips;
mod command;
mod creators;
mod desk;
mod engagement;
mod jobs;
mod keys;
mod orders;
mod plan;
mod projects;
mod queues;
mod scheduling;
mod scraping;
mod uploads;

pub use check::{EDIT_OPERATIONS, normal_handle};
pub use command::*;
pub use orders::{OVERRIDE_PREFIX, override_name};
pub use plan::{After, Planned, after, fault_refusal, plan, store_refusal};
