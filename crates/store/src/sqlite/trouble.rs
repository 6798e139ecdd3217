//! SQLite's errors as troubles (sqlite.org/rescode.html).

use sea_orm::{DbErr, RuntimeErr, sqlx};

use crate::{StoreFault, Trouble};

/// The result code of SQLite in this error, extended where it was extended.
fn code(error: &DbErr) -> Option<i32> {
    let (DbErr::Conn(RuntimeErr::SqlxError(error))
    | DbErr::Exec(RuntimeErr::SqlxError(error))
    | DbErr::Query(RuntimeErr::SqlxError(error))) = error
    else {
        return None;
    };
    error.as_database_error()?.code()?.parse().ok()
}

fn pool_or_io(error: &DbErr) -> bool {
    match error {
        DbErr::ConnectionAcquire(_) => true,
        DbErr::Conn(RuntimeErr::SqlxError(e))
        | DbErr::Exec(RuntimeErr::SqlxError(e))
        | DbErr::Query(RuntimeErr::SqlxError(e)) => {
            use sqlx::Error as E;
            matches!(**e, E::Io(_) | E::PoolTimedOut | E::PoolClosed | E::WorkerCrashed)
        }
        _ => false,
    }
}

pub(super) fn explain(error: DbErr) -> StoreFault {
    // The primary code is the low byte of the extended one.
    let trouble = match code(&error).map(|code| code & 0xff) {
        // BUSY, LOCKED, NOMEM, INTERRUPT, IOERR, CANTOPEN, PROTOCOL
        Some(5 | 6 | 7 | 9 | 10 | 14 | 15) => Trouble::Unavailable,
        // PERM, READONLY, AUTH
        Some(3 | 8 | 23) => Trouble::ReadOnly,
        // CORRUPT, NOTADB
        Some(11 | 26) => Trouble::Corrupt,
        // FULL
        Some(13) => Trouble::NoSpace,
        Some(_) => Trouble::Bug,
        None if pool_or_io(&error) => Trouble::Unavailable,
        // A row that does not read as what it was written from.
        None if matches!(error, DbErr::Type(_) | DbErr::Json(_) | DbErr::TryIntoErr { .. }) => Trouble::Corrupt,
        None => Trouble::Bug,
    };
    StoreFault::new(trouble, error.to_string())
}

pub(super) fn io(what: &str, error: &std::io::Error) -> StoreFault {
    use std::io::ErrorKind as K;
    let trouble = match error.kind() {
        K::StorageFull | K::QuotaExceeded | K::FileTooLarge => Trouble::NoSpace,
        K::PermissionDenied | K::ReadOnlyFilesystem => Trouble::ReadOnly,
        _ => Trouble::Unavailable,
    };
    StoreFault::new(trouble, format!("{what}: {error}"))
}
