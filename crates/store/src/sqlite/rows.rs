//! Rows of a database read where they lie: for the one question that goes through millions of them. The driver copies
//! every value of a row three times on its way here, which costs more than all that is done with it.
//!
//! The only unsafe code of the store, and as little as will do: it opens read-only, asks, and hands out what SQLite holds
//! for as long as SQLite holds it.

use std::ffi::{CString, c_int};
use std::marker::PhantomData;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr::{self, NonNull};
use std::slice;

use libsqlite3_sys as ffi;

/// Locks of a checkpoint are waited for this long.
const BUSY_MS: c_int = 10_000;

/// A connection that can't write. Every failure is `None`: whoever asks has the driver to ask again, and to be told why.
pub(super) struct Connection(NonNull<ffi::sqlite3>);

// SAFETY: SQLite is built for threads, and a connection that is opened with NOMUTEX may go from thread to thread as long
// as one at a time uses it, which `&mut self` says.
unsafe impl Send for Connection {}

impl Connection {
    pub fn open(path: &Path) -> Option<Self> {
        // What begins with `file:` would be read as an address.
        let path = std::path::absolute(path).ok()?;
        let name = CString::new(path.as_os_str().as_bytes()).ok()?;
        let mut db = ptr::null_mut();
        let flags = ffi::SQLITE_OPEN_READONLY | ffi::SQLITE_OPEN_NOMUTEX;
        // SAFETY: the name ends with a zero, and `db` is written to once. A handle is given even when opening fails, and
        // is closed by `drop`.
        let done = unsafe { ffi::sqlite3_open_v2(name.as_ptr(), &raw mut db, flags, ptr::null()) };
        let connection = Self(NonNull::new(db)?);
        if done != ffi::SQLITE_OK {
            return None;
        }
        // SAFETY: the handle is open.
        let done = unsafe { ffi::sqlite3_busy_timeout(connection.0.as_ptr(), BUSY_MS) };
        (done == ffi::SQLITE_OK).then_some(connection)
    }

    pub fn ask(&mut self, sql: &str, values: &[i64]) -> Option<Answers<'_>> {
        let length = c_int::try_from(sql.len()).ok()?;
        let mut statement = ptr::null_mut();
        // SAFETY: the handle is open, and SQLite reads no more than `length` bytes of the text.
        let done = unsafe {
            ffi::sqlite3_prepare_v2(self.0.as_ptr(), sql.as_ptr().cast(), length, &raw mut statement, ptr::null_mut())
        };
        let answers = Answers { statement: NonNull::new(statement)?, of: PhantomData };
        if done != ffi::SQLITE_OK {
            return None;
        }
        for (value, place) in values.iter().zip(1..) {
            // SAFETY: the statement is there and was not stepped; a place that it lacks is an error and no more.
            if unsafe { ffi::sqlite3_bind_int64(answers.statement.as_ptr(), place, *value) } != ffi::SQLITE_OK {
                return None;
            }
        }
        Some(answers)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // SAFETY: the handle is closed once; statements borrow the connection, so none is left.
        unsafe { ffi::sqlite3_close(self.0.as_ptr()) };
    }
}

/// The rows of one question. Holds its connection: nothing else is asked meanwhile.
pub(super) struct Answers<'c> {
    statement: NonNull<ffi::sqlite3_stmt>,
    of: PhantomData<&'c mut Connection>,
}

impl Answers<'_> {
    /// `Some(None)` after the last row, `None` when reading failed.
    pub fn step(&mut self) -> Option<Option<Row<'_>>> {
        // SAFETY: the statement is there until `drop`.
        match unsafe { ffi::sqlite3_step(self.statement.as_ptr()) } {
            ffi::SQLITE_ROW => Some(Some(Row { statement: self.statement, of: PhantomData })),
            ffi::SQLITE_DONE => Some(None),
            _ => None,
        }
    }
}

impl Drop for Answers<'_> {
    fn drop(&mut self) {
        // SAFETY: the statement is ended once; rows borrow it, so none is left.
        unsafe { ffi::sqlite3_finalize(self.statement.as_ptr()) };
    }
}

/// The row that SQLite stands on: borrowed from its statement, so gone before the next step.
pub(super) struct Row<'s> {
    statement: NonNull<ffi::sqlite3_stmt>,
    of: PhantomData<&'s mut ()>,
}

impl<'s> Row<'s> {
    fn is(&self, column: c_int, kind: c_int) -> Option<()> {
        // SAFETY: the statement stands on a row; a column that it lacks is NULL.
        (unsafe { ffi::sqlite3_column_type(self.statement.as_ptr(), column) } == kind).then_some(())
    }

    pub fn is_null(&self, column: c_int) -> bool {
        self.is(column, ffi::SQLITE_NULL).is_some()
    }

    /// `None` for anything but an integer: nothing is converted.
    pub fn integer(&self, column: c_int) -> Option<i64> {
        self.is(column, ffi::SQLITE_INTEGER)?;
        // SAFETY: as above.
        Some(unsafe { ffi::sqlite3_column_int64(self.statement.as_ptr(), column) })
    }

    /// `None` for anything but a text in UTF-8.
    pub fn text(&self, column: c_int) -> Option<&'s str> {
        self.is(column, ffi::SQLITE_TEXT)?;
        // SAFETY: the bytes stay where they are until the next step or a conversion: `'s` ends before the one, and
        // since only the type that is there is asked for, the other does not come. The text is asked for before its
        // length, as SQLite wants it.
        let bytes = unsafe {
            let start = ffi::sqlite3_column_text(self.statement.as_ptr(), column);
            self.bytes(start, column)?
        };
        std::str::from_utf8(bytes).ok()
    }

    /// `None` for anything but a blob.
    pub fn blob(&self, column: c_int) -> Option<&'s [u8]> {
        self.is(column, ffi::SQLITE_BLOB)?;
        // SAFETY: as for a text. An empty blob has no address, and is none that is asked for here.
        unsafe {
            let start = ffi::sqlite3_column_blob(self.statement.as_ptr(), column);
            self.bytes(start.cast(), column)
        }
    }

    /// # Safety
    /// `start` is what SQLite gave for this column just now.
    unsafe fn bytes(&self, start: *const u8, column: c_int) -> Option<&'s [u8]> {
        let start = NonNull::new(start.cast_mut())?;
        // SAFETY: SQLite holds so many bytes at `start`.
        unsafe {
            let length = ffi::sqlite3_column_bytes(self.statement.as_ptr(), column);
            Some(slice::from_raw_parts(start.as_ptr(), usize::try_from(length).ok()?))
        }
    }
}
