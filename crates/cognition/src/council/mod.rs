//! The engine's council: nine modules that each look at the same [`Brief`] and give one [`Advisory`], and Zenith's
//! arbitration, which makes a [`Ruling`] of them.
//!
//! Every function here is pure: the same brief and configuration give the same advisory, the same advisories the same
//! ruling, in whatever order they arrive. Nobody here changes state; [`crate::flow::enact`] says what a ruling means.

mod advice;
mod arbitrate;
mod brief;
mod chorus;
mod eclipse;
mod halolux;
mod horizon;
mod lattice;
mod likeness;
mod pantheon;
mod paradox;
mod rights;
mod stardust;
mod topics;

pub use arbitrate::{arbitrate, coherence};
pub use brief::*;
use omniva_contracts::config::EngineConfig;
use omniva_contracts::engine::{Advisory, Module, Question};

pub use chorus::chorus;
pub use eclipse::eclipse;
pub use halolux::halolux;
pub(crate) use horizon::belongs;
pub use horizon::horizon;
pub use lattice::lattice;
pub use pantheon::pantheon;
pub use paradox::paradox;
pub use stardust::stardust;

/// The modules that are asked, in the order of the cognitive loop. Zenith asks and decides; it does not advise itself.
pub const ADVISERS: [Module; 8] = [
    Module::Stardust,
    Module::Paradox,
    Module::Eclipse,
    Module::Lattice,
    Module::Pantheon,
    Module::Horizon,
    Module::Chorus,
    Module::Halolux,
];

/// Who has a say in a question (ARCHITECTURE §4). Everyone else is not asked and not missed.
pub fn asked(question: Question) -> &'static [Module] {
    use Module as M;
    match question {
        Question::Ingest => &[M::Stardust, M::Paradox, M::Eclipse, M::Lattice, M::Horizon, M::Halolux],
        Question::Select | Question::Edit | Question::Upload | Question::Schedule => &ADVISERS,
        Question::Recover => &[M::Stardust, M::Paradox, M::Eclipse, M::Halolux],
    }
}

/// What one module says. `None` for Zenith, which rules.
pub fn advise(module: Module, brief: &Brief, config: &EngineConfig) -> Option<Advisory> {
    Some(match module {
        Module::Paradox => paradox(brief, config),
        Module::Eclipse => eclipse(brief, config),
        Module::Stardust => stardust(brief, config),
        Module::Lattice => lattice(brief, config),
        Module::Horizon => horizon(brief, config),
        Module::Pantheon => pantheon(brief, config),
        Module::Chorus => chorus(brief, config),
        Module::Halolux => halolux(brief, config),
        Module::Zenith => return None,
    })
}

#[cfg(test)]
pub(crate) mod fixtures;
#[cfg(test)]
mod modules_tests;
