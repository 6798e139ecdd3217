//! Cookies of who is signed in: a copy for one run of the child, readable by nobody else, gone with the run.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use omniva_contracts::{Code, Fault};
use omniva_vault::Secret;

use crate::net::Net;
use crate::secrets::named;

const MAX_BYTES: u64 = 1 << 20;
/// First lines of the form: that of Netscape, and of its sons.
const HEADS: [&str; 2] = ["# Netscape HTTP Cookie File", "# HTTP Cookie File"];
/// domain, subdomains, path, secure, expires, name, value.
const FIELDS: usize = 7;
const EXPIRES: usize = 4;
const VALUE: usize = 6;
/// Values that are shorter are no secrets: to hide them would hide words and numbers.
const MIN_HIDDEN: usize = 6;

/// Cookies of the vault, or of a file of the operator's, in a folder of one run.
pub(super) struct Jar {
    path: PathBuf,
    text: Secret,
}

impl Jar {
    /// `from`: `secret:NAME`, or an absolute path.
    ///
    /// # Errors
    /// `config_invalid` when the vault holds no such secret; `auth_failed` when the cookies can't be read or are of another
    /// form; those of the vault; `output_unwritable`, `no_space`.
    pub fn copy(net: &Net, from: &str, folder: &Path) -> Result<Self, Fault> {
        let text = if from.starts_with('/') {
            let bytes = read(Path::new(from))?;
            check_jar(from, bytes.expose())?;
            bytes
        } else {
            let found = named(net, from)?;
            check_jar(&found.name, found.value.expose())?;
            found.value
        };
        let jar = Self { path: folder.join("cookies.txt"), text };
        let mut options = File::options();
        // A new file each time: rights are those of whoever makes it.
        options.write(true).create_new(true).mode(0o600);
        let written = options.open(&jar.path).and_then(|mut file| file.write_all(jar.text.expose()));
        written.map_err(|error| Fault::writing("a copy of the cookies", &error))?;
        Ok(jar)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The text without any value of a cookie.
    pub fn hide(&self, text: &str) -> String {
        let jar = String::from_utf8_lossy(self.text.expose());
        let values = jar.lines().filter_map(|line| line.split('\t').nth(VALUE)).map(str::trim);
        values.filter(|value| value.len() >= MIN_HIDDEN).fold(text.to_owned(), |text, value| text.replace(value, "…"))
    }
}

impl Drop for Jar {
    /// What can't be removed goes with its folder.
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

fn read(from: &Path) -> Result<Secret, Fault> {
    let unreadable = |why: String| {
        Fault::new(
            Code::AuthFailed,
            format!("the cookies in {} can't be read", from.display()),
            "correct engine.network.ytdlp.cookies, or the permissions of the file",
        )
        .with_detail(why)
    };
    let mut bytes = Vec::new();
    let read = File::open(from).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes));
    read.map_err(|error| unreadable(error.to_string()))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(unreadable(format!("more than {MAX_BYTES} bytes")));
    }
    Ok(Secret::new(bytes))
}

/// Whether cookies are of the form that yt-dlp reads. It prints lines that it can't read: such a jar never reaches it.
///
/// # Errors
/// `auth_failed` with the number of the first line that is wrong.
pub(crate) fn check_jar(name: &str, bytes: &[u8]) -> Result<(), Fault> {
    let wrong = |what: String| {
        Fault::new(
            Code::AuthFailed,
            format!("the cookies in {name} are not of the Netscape form: {what}"),
            "export them anew from a browser that is signed in, as cookies.txt",
        )
    };
    let text = std::str::from_utf8(bytes).map_err(|_| wrong("they are no text".into()))?;
    let head = text.lines().next().unwrap_or_default().trim_end();
    if !HEADS.iter().any(|known| head.starts_with(known)) {
        return Err(wrong(format!("the first line is not {:?}", HEADS[0])));
    }
    for (at, line) in text.lines().enumerate() {
        // A comment that is none: a cookie that scripts don't see.
        let line = line.strip_prefix("#HttpOnly_").unwrap_or(line);
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let fields: Vec<&str> = line.split('\t').collect();
        let dated = fields.get(EXPIRES).is_some_and(|text| text.bytes().all(|b| b.is_ascii_digit()));
        if fields.len() != FIELDS || !dated {
            return Err(wrong(format!("line {} does not hold {FIELDS} fields with tabs between", at + 1)));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_the_tool_would_print_are_refused_by_number() {
        let jar = |lines: &str| check_jar("cookies/x", format!("# Netscape HTTP Cookie File\n{lines}").as_bytes());
        jar("").expect("empty");
        jar("# a comment\n\n#HttpOnly_.x.org\tTRUE\t/\tTRUE\t4102444800\ta\tb\n.x.org\tTRUE\t/\tFALSE\t\ta\t\n")
            .expect("good");
        for (lines, told) in [
            (".x.org\tTRUE\t/\tTRUE\t0\tplanted", "line 2"),
            ("\n.x.org TRUE / TRUE 0 a planted", "line 3"),
            (".x.org\tTRUE\t/\tTRUE\tplanted\ta\tb", "line 2"),
            ("#HttpOnly_planted", "line 2"),
        ] {
            let fault = jar(lines).expect_err(lines);
            assert!(fault.message.contains(told) && !format!("{fault:?}").contains("planted"), "{fault:?}");
        }
        assert!(check_jar("x", b"{\"planted\": 1}").is_err() && check_jar("x", b"# HTTP Cookie File\n\xff").is_err());
    }
}
