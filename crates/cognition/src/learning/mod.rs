//! Learning from what posts achieved: Horizon's posting windows, Pantheon's weights, Oracle's forecasts and its watch for a
//! changed audience. Pure: time and dice come in as arguments, the same inputs give the same bytes.
//!
//! The way: [`outcomes`] turns time series into one number for each post (log engagement at one age) · [`learn`] fits a
//! channel's [`WindowModel`] and watches for drift · [`forecast`] says what a post will achieve · [`weigh`] learns how much
//! each persona's vote is worth. Every step gives a record for HaloLux. [`study`] and [`study_personas`] do all of it for rows.
//!
//! Invariants: nothing is learnt from too little, and the record says how much is missing; no value in use moves by more
//! than its bound in one step; each step is a function of all that is known, so that learning the same twice does not count
//! it twice.

mod channel;
mod drift;
mod linear;
mod oracle;
mod outcome;
mod personas;
mod record;
mod round;
mod windows;

pub use channel::{ChannelModel, ChannelStep, learn};
pub use drift::{Alarm, DriftState};
pub use omniva_contracts::config::{AgeRule, DriftRules, PersonaRules, WindowRules};
pub use oracle::{Forecast, forecast};
pub use outcome::{Measure, Outcome, Outcomes, PostFacts, outcomes};
pub use personas::{Judged, PersonaModel, PersonaStep, judged, weigh};
pub use round::{ChannelFacts, Studied, channel_model, persona_model, study, study_personas};
pub use windows::WindowModel;

#[cfg(test)]
mod audience;
#[cfg(test)]
mod channel_tests;
