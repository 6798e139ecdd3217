//! The engine as a whole: scripted workers on a store in memory and on SQLite, everything else as it is in production.

#![allow(clippy::expect_used)] // helpers of tests too: what does not hold ends the test

mod calendar;
mod channels;
mod clips;
mod engagement;
mod faults;
mod house;
mod queues;
mod recovery;
