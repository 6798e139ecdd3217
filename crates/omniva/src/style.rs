//! Colour on a terminal, none elsewhere or when `NO_COLOR` is set (no-color.org).

use std::io::IsTerminal;
use std::sync::OnceLock;

fn colored() -> bool {
    static COLORED: OnceLock<bool> = OnceLock::new();
    *COLORED
        .get_or_init(|| std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()) && std::io::stderr().is_terminal())
}

fn paint(code: &str, text: &str) -> String {
    if colored() { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
}

pub fn bad(text: &str) -> String {
    paint("1;31", text)
}
pub fn good(text: &str) -> String {
    paint("32", text)
}
pub fn warn(text: &str) -> String {
    paint("33", text)
}
pub fn dim(text: &str) -> String {
    paint("2", text)
}
pub fn bold(text: &str) -> String {
    paint("1", text)
}
