//! The modules that advise, each an actor with its own mailbox around its pure function, and Infinity, which reads the
//! machine's load.

pub mod infinity;
mod msg;
mod shell;

pub use msg::Msg;
pub use shell::Adviser;

use omniva_contracts::choice::Module;

/// Who advises, with their names in the tree. Zenith asks and rules.
pub const MODULES: [(Module, &str); 8] = [
    (Module::Stardust, "stardust"),
    (Module::Paradox, "paradox"),
    (Module::Eclipse, "eclipse"),
    (Module::Lattice, "lattice"),
    (Module::Pantheon, "pantheon"),
    (Module::Horizon, "horizon"),
    (Module::Chorus, "chorus"),
    (Module::Halolux, "halolux"),
];
