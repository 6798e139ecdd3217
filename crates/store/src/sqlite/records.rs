//! Small files beside the database that are as true as its rows (records of uploads under way): a backup holds them, so that
//! a restored engine knows what was sent. One JSON text a line, each with its name.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::backup::{beside, corrupt, fault, measure, sync_folder};
use crate::{RecordsManifest, StoreFault, Trouble};

/// Bytes of one record; they have some hundred.
const MAX_RECORD: u64 = 1 << 20;
const SUFFIX: &str = ".json";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    name: String,
    text: String,
}

/// Where the records of a backup lie.
pub(super) fn records_path(backup: &Path) -> PathBuf {
    beside(backup, ".uploads")
}

/// A name that a record of ours has, and that leads nowhere else.
fn is_name(name: &str) -> bool {
    name.strip_suffix(SUFFIX).is_some_and(|id| uuid::Uuid::parse_str(id).is_ok_and(|found| found.to_string() == id))
}

/// Writes all records of `folder` into `to`, in the order of their names. A folder that is not there has none.
pub(super) fn collect(folder: &Path, to: &Path) -> Result<RecordsManifest, StoreFault> {
    let mut names = Vec::new();
    match fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(fault(folder)(error)),
        Ok(entries) => {
            for entry in entries {
                let name = entry.map_err(fault(folder))?.file_name();
                // What is being written has another name until it is whole.
                names.extend(name.to_str().filter(|name| is_name(name)).map(str::to_owned));
            }
        }
    }
    names.sort();
    let mut out = BufWriter::new(File::create(to).map_err(fault(to))?);
    for name in &names {
        let path = folder.join(name);
        let mut text = String::new();
        let file = File::open(&path).map_err(fault(&path))?;
        file.take(MAX_RECORD + 1).read_to_string(&mut text).map_err(fault(&path))?;
        if text.len() as u64 > MAX_RECORD {
            return Err(corrupt(format!("{} is larger than any record of an upload", path.display())));
        }
        let line = Line { name: name.clone(), text };
        let line = serde_json::to_string(&line).map_err(|e| StoreFault::new(Trouble::Bug, e.to_string()))?;
        out.write_all(line.as_bytes()).and_then(|()| out.write_all(b"\n")).map_err(fault(to))?;
    }
    out.into_inner().map_err(|e| fault(to)(e.into_error()))?.sync_all().map_err(fault(to))?;
    let (bytes, sha256) = measure(to)?;
    Ok(RecordsManifest { count: names.len() as u64, bytes, sha256 })
}

/// Whether the records of a backup are those that its manifest describes.
pub(super) fn verify(backup: &Path, told: &RecordsManifest) -> Result<(), StoreFault> {
    let path = records_path(backup);
    let (bytes, sha256) = measure(&path)?;
    if (bytes, &sha256) != (told.bytes, &told.sha256) {
        return Err(corrupt(format!("{} is not the file that the manifest describes", path.display())));
    }
    let mut count = 0;
    each(&path, &mut |_| {
        count += 1;
        Ok(())
    })?;
    if count == told.count { Ok(()) } else { Err(corrupt(format!("{} lacks records", path.display()))) }
}

fn each(path: &Path, take: &mut dyn FnMut(Line) -> Result<(), StoreFault>) -> Result<(), StoreFault> {
    let mut reader = BufReader::new(File::open(path).map_err(fault(path))?);
    loop {
        let mut text = Vec::new();
        // A text may become longer as JSON.
        (&mut reader).take(MAX_RECORD * 7).read_until(b'\n', &mut text).map_err(fault(path))?;
        if text.is_empty() {
            return Ok(());
        }
        let line = serde_json::from_slice::<Line>(&text).ok().filter(|line| is_name(&line.name));
        take(line.ok_or_else(|| corrupt(format!("{} holds a line that is no record", path.display())))?)?;
    }
}

/// Puts the records of a backup into `folder`; gives how many. One that is there already is newer and stays: it knows of
/// what was sent after the backup.
pub(super) fn put_back(backup: &Path, folder: &Path) -> Result<u64, StoreFault> {
    fs::create_dir_all(folder).map_err(fault(folder))?;
    let mut put = 0;
    each(&records_path(backup), &mut |line| {
        let path = folder.join(&line.name);
        if path.exists() {
            return Ok(());
        }
        let part = beside(&path, ".part");
        let mut file = File::create(&part).map_err(fault(&part))?;
        file.write_all(line.text.as_bytes()).and_then(|()| file.sync_all()).map_err(fault(&part))?;
        fs::rename(&part, &path).map_err(fault(&path))?;
        put += 1;
        Ok(())
    })?;
    sync_folder(&folder.join("x"))?;
    Ok(put)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "00000000-0000-0000-0000-000000000001.json";
    const TWO: &str = "00000000-0000-0000-0000-000000000002.json";

    #[test]
    fn records_come_back_as_they_were_and_newer_ones_stay() {
        let folder = tempfile::tempdir().expect("a folder");
        let (uploads, backup) = (folder.path().join("uploads"), folder.path().join("b.db"));
        assert_eq!(collect(&uploads, &records_path(&backup)).expect("none").count, 0);
        fs::create_dir(&uploads).expect("made");
        for (name, text) in
            [(ONE, "{\"at\": \"session\\n\"}"), (TWO, "{}"), (".omniva-1-0.part", "x"), ("notes.txt", "x")]
        {
            fs::write(uploads.join(name), text).expect("written");
        }
        let told = collect(&uploads, &records_path(&backup)).expect("collected");
        assert_eq!(told.count, 2);
        assert_eq!(verify(&backup, &told), Ok(()));
        let back = folder.path().join("back");
        fs::create_dir(&back).expect("made");
        fs::write(back.join(TWO), "{\"newer\": 1}").expect("written");
        assert_eq!(put_back(&backup, &back), Ok(1));
        assert_eq!(fs::read(back.join(ONE)).expect("there"), fs::read(uploads.join(ONE)).expect("there"));
        assert_eq!(fs::read_to_string(back.join(TWO)).expect("there"), "{\"newer\": 1}");
        assert_eq!(fs::read_dir(&back).expect("there").count(), 2);
    }

    #[test]
    fn a_line_that_leads_elsewhere_or_is_cut_is_no_record() {
        let folder = tempfile::tempdir().expect("a folder");
        let backup = folder.path().join("b.db");
        let path = records_path(&backup);
        for text in ["{\"name\":\"../../x.json\",\"text\":\"\"}\n", "{\"name\":\"", "[]\n"] {
            fs::write(&path, text).expect("written");
            let (bytes, sha256) = measure(&path).expect("measured");
            let told = RecordsManifest { count: 1, bytes, sha256 };
            assert_eq!(verify(&backup, &told).expect_err(text).trouble, Trouble::Corrupt);
            assert!(put_back(&backup, &folder.path().join("back")).is_err(), "{text}");
        }
    }
}
