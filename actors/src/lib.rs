//! The actors: each module and each worker, with its mailbox, under one supervised tree.
//!
//! [`engine::Engine`] starts it; [`office`] says what operators may ask; [`work`] what a worker is, [`workers`] are those that handle media.

pub mod clerk;
pub mod council;
pub mod engine;
mod gauges;
pub mod infra;
pub mod jobs;
pub mod kit;
pub mod learnt;
pub mod measured;
pub mod office;
pub mod part;
pub mod pool;
pub mod pulse;
pub mod slots;
pub mod work;
pub mod workers;
pub mod zenith;
