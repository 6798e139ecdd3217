//! What commands print. A reader that goes away (`omniva job list | head`) ends a command quietly, as every filter ends;
//! SIGPIPE itself stays ignored, because it would also end a run whose child died while it was being written to.

use std::fmt::Arguments;
use std::io::{ErrorKind, Write};

/// What a shell shows of a program that SIGPIPE ended.
const CLOSED_PIPE: i32 = 128 + 13;

/// Prints to standard output; ends the process quietly when nobody reads it any more.
pub fn print(text: Arguments<'_>) {
    let mut out = std::io::stdout().lock();
    match out.write_fmt(text).and_then(|()| out.flush()) {
        Err(e) if e.kind() == ErrorKind::BrokenPipe => std::process::exit(CLOSED_PIPE),
        // A full disk behind `>`: the text is cut off, and what the command did is done.
        Err(e) => remark(format_args!("error: standard output can't be written: {e}\n")),
        Ok(()) => {}
    }
}

/// Prints to standard output, if anybody reads it: an engine goes on without its reader.
pub fn offer(text: Arguments<'_>) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_fmt(text).and_then(|()| out.flush());
}

/// Prints to standard error, if anybody reads it.
pub fn remark(text: Arguments<'_>) {
    // There is no other place to say that this failed.
    let _ = std::io::stderr().lock().write_fmt(text);
}

/// A line on standard output, as `println!`.
macro_rules! say {
    () => { $crate::out::print(format_args!("\n")) };
    ($($arg:tt)+) => { $crate::out::print(format_args!("{}\n", format_args!($($arg)+))) };
}

/// A line on standard error, as `eprintln!`.
macro_rules! remark {
    ($($arg:tt)+) => { $crate::out::remark(format_args!("{}\n", format_args!($($arg)+))) };
}
