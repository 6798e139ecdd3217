//! Troubles of the store as faults for people.

use omniva_contracts::fault::{Code, Fault};

use crate::{StoreFault, Trouble};

impl From<StoreFault> for Fault {
    fn from(fault: StoreFault) -> Self {
        let (code, message, next_step) = match fault.trouble {
            Trouble::Unavailable => (
                Code::StoreUnavailable,
                "the database does not answer",
                "check the disk and what else has the database open, then try again",
            ),
            Trouble::ReadOnly => (
                Code::StoreReadOnly,
                "the database can't be written",
                "give the engine's user write access to the database and to its folder",
            ),
            Trouble::NoSpace => (
                Code::NoSpace,
                "no space left for the database",
                "free some disk space; nothing that was saved is lost",
            ),
            Trouble::Newer => (
                Code::StoreNewer,
                "the database was written by a newer omniva",
                "use that version of omniva, or restore a backup from before the upgrade",
            ),
            Trouble::Corrupt => (
                Code::StoreCorrupt,
                "the database is damaged",
                "run `omniva doctor --deep`, then restore the last backup",
            ),
            Trouble::InUse => (
                Code::StoreInUse,
                "another engine works on this database",
                "stop the other engine, or give this one a data folder of its own",
            ),
            Trouble::Bug => return Fault::internal("the store refused a statement").with_detail(fault.message),
        };
        Fault::new(code, message, next_step).with_detail(fault.message)
    }
}
