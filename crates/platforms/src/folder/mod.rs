//! Publishing into a folder of this machine.
//!
//! At most once: before the first file is placed, a record in the hidden folder `.omniva` says which files (names and
//! hashes) belong to which upload job; a restart reads it and goes on with the same names. Each file appears whole, and
//! only where no file of that name is. When all are there, the record says so, and from then on the user may move or
//! change the files: they are never placed again.

mod marker;

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use omniva_assets::{AtomicFile, FileLock, hash_file, require_space, sweep_unfinished};
use omniva_contracts::engine::UploadJobId;
use omniva_contracts::{Code, Fault, Monitor, hex};
use sha2::{Digest, Sha256};

use crate::publisher::{Content, Placed, Publication, PublishFile, Publisher, Receipt};
use marker::{Marker, State};

/// Where the records lie, inside the output folder.
const RECORDS: &str = ".omniva";
const BLOCK: usize = 1 << 20;

pub struct FolderPublisher {
    folder: PathBuf,
}

impl FolderPublisher {
    /// `folder` need not exist yet.
    ///
    /// # Errors
    /// `output_unwritable` when its path is not absolute.
    pub fn new(folder: &Path) -> Result<Self, Fault> {
        if folder.is_absolute() {
            return Ok(Self { folder: folder.to_owned() });
        }
        Err(Fault::new(
            Code::OutputUnwritable,
            format!("the output folder {} has no absolute path", folder.display()),
            "set an absolute path in the project's settings",
        ))
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn records(&self) -> PathBuf {
        self.folder.join(RECORDS)
    }

    fn marker(&self, id: UploadJobId) -> PathBuf {
        self.records().join(format!("{id}.json"))
    }

    /// What is there under a name: `None`, or the hash of the regular file.
    fn there(&self, name: &str, monitor: &dyn Monitor) -> Result<Option<String>, Fault> {
        let path = self.folder.join(name);
        match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(unwritable(&self.folder, &error)),
            Ok(about) if about.is_file() => Ok(Some(hash_file(&path, monitor)?.0)),
            Ok(_) => Ok(Some(String::new())),
        }
    }

    fn place(&self, file: &PublishFile, wanted: &Placed, monitor: &dyn Monitor) -> Result<(), Fault> {
        match self.there(&file.name, monitor)? {
            // Placed by an attempt that was interrupted: we never leave half a file under its name.
            Some(sha256) if sha256 == wanted.sha256 => return Ok(()),
            Some(_) => return Err(taken(&self.folder, &file.name)),
            None => {}
        }
        let mut target = AtomicFile::create(&self.folder.join(&file.name)).map_err(in_folder)?;
        let sha256 = match &file.content {
            Content::Text(text) => write_text(&mut target, text, &self.folder)?,
            Content::File { path, .. } => copy(path, &mut target, &self.folder, monitor)?,
        };
        if sha256 != wanted.sha256 {
            return Err(Fault::new(
                Code::InputCorrupt,
                format!("{} is not what quality control saw", file.name),
                "edit the clip again",
            ));
        }
        target.commit_new().map_err(in_folder)
    }
}

impl Publisher for FolderPublisher {
    fn target(&self) -> &'static str {
        "folder"
    }

    fn authorise(&self) -> Result<(), Fault> {
        fs::create_dir_all(self.records()).map_err(|e| unwritable(&self.folder, &e))?;
        let probe = AtomicFile::create(&self.folder.join("probe")).map_err(in_folder)?;
        drop(probe);
        sweep_unfinished(&self.folder)?;
        sweep_unfinished(&self.records())?;
        Ok(())
    }

    fn find(&self, upload_job_id: UploadJobId) -> Result<Option<Receipt>, Fault> {
        let marker = Marker::read(&self.marker(upload_job_id), upload_job_id)?;
        let done = marker.filter(|marker| marker.state == State::Placed);
        Ok(done.map(|marker| Receipt { place: self.folder.display().to_string(), files: marker.files, post: None }))
    }

    fn publish(&self, publication: &Publication, monitor: &dyn Monitor) -> Result<Receipt, Fault> {
        let id = publication.upload_job_id;
        let lock = FileLock::take(&self.records().join(format!("{id}.lock"))).map_err(in_folder)?;
        let Some(_lock) = lock else { return Err(under_way(id)) };
        if let Some(receipt) = self.find(id)? {
            return Ok(receipt);
        }
        let files = wanted(publication)?;
        let path = self.marker(id);
        match Marker::read(&path, id)? {
            None => {
                require_space(&self.folder, publication.files.iter().map(|f| f.bytes).sum())?;
                Marker::new(publication, files.clone(), State::Placing).write(&path).map_err(in_folder)?;
            }
            // The clip was rendered anew between two attempts: what the first one placed is ours and stays as it is.
            Some(earlier) if earlier.files != files => return Err(differs(id, &earlier)),
            Some(_) => {}
        }
        for (file, wanted) in publication.files.iter().zip(&files) {
            if monitor.cancelled() {
                return Err(Fault::cancelled());
            }
            self.place(file, wanted, monitor)?;
        }
        Marker::new(publication, files.clone(), State::Placed).write(&path).map_err(in_folder)?;
        Ok(Receipt { place: self.folder.display().to_string(), files, post: None })
    }

    fn verify(&self, receipt: &Receipt, monitor: &dyn Monitor) -> Result<(), Fault> {
        for file in &receipt.files {
            let what = match self.there(&file.name, monitor)? {
                Some(sha256) if sha256 == file.sha256 => continue,
                Some(_) => "is not what was written",
                None => "is not there",
            };
            return Err(Fault::new(
                Code::OutputUnwritable,
                format!("{} in {} {what}", file.name, self.folder.display()),
                "check the disk of the output folder, and who else writes there",
            ));
        }
        Ok(())
    }
}

/// Names and hashes of all files, each name plain and used once.
fn wanted(publication: &Publication) -> Result<Vec<Placed>, Fault> {
    let mut names = std::collections::BTreeSet::new();
    let one = |file: &PublishFile| {
        let plain = Path::new(&file.name).file_name().is_some_and(|n| n == file.name.as_str());
        if !plain || file.name.starts_with('.') || !names.insert(file.name.clone()) {
            return Err(Fault::internal(format!("{:?} is no name for a published file", file.name)));
        }
        let sha256 = match &file.content {
            Content::File { sha256, .. } => sha256.clone(),
            Content::Text(text) => hex(&Sha256::digest(text.as_bytes())),
        };
        Ok(Placed { name: file.name.clone(), sha256, bytes: file.bytes })
    };
    publication.files.iter().map(one).collect()
}

fn write_text(target: &mut AtomicFile, text: &str, folder: &Path) -> Result<String, Fault> {
    target.write_all(text.as_bytes()).map_err(|e| unwritable(folder, &e))?;
    Ok(hex(&Sha256::digest(text.as_bytes())))
}

fn copy(from: &Path, target: &mut AtomicFile, folder: &Path, monitor: &dyn Monitor) -> Result<String, Fault> {
    let unreadable = |error: io::Error| {
        Fault::new(Code::InputUnreadable, "a finished file can't be read", "check the engine's data folder")
            .with_detail(error)
    };
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let mut file = File::options().read(true).custom_flags(flags).open(from).map_err(unreadable)?;
    let (mut hash, mut block) = (Sha256::new(), vec![0u8; BLOCK]);
    loop {
        if monitor.cancelled() {
            return Err(Fault::cancelled());
        }
        let count = match file.read(&mut block) {
            Ok(0) => return Ok(hex(&hash.finalize())),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(unreadable(error)),
        };
        let read = block.get(..count).unwrap_or_default();
        hash.update(read);
        target.write_all(read).map_err(|e| unwritable(folder, &e))?;
    }
}

/// The same fault with the step that helps here.
fn in_folder(fault: Fault) -> Fault {
    Fault { next_step: step(fault.code).into(), ..fault }
}

fn unwritable(folder: &Path, error: &io::Error) -> Fault {
    in_folder(Fault::writing(&format!("the output folder {}", folder.display()), error))
}

fn step(code: Code) -> &'static str {
    match code {
        Code::NoSpace => "free some space on the output folder's disk, then retry the job",
        Code::OutputExists => "move that file away, then retry the job",
        _ => "check the output folder in the project's settings and its permissions, then retry the job",
    }
}

fn taken(folder: &Path, name: &str) -> Fault {
    in_folder(Fault::new(
        Code::OutputExists,
        format!("{} exists already and is not ours", folder.join(name).display()),
        "",
    ))
}

fn under_way(id: UploadJobId) -> Fault {
    Fault::new(
        Code::Conflict,
        format!("another attempt of upload job {id} is under way"),
        "nothing: it is tried again when that one has ended",
    )
}

fn differs(id: UploadJobId, earlier: &Marker) -> Fault {
    let names: Vec<&str> = earlier.files.iter().map(|f| f.name.as_str()).collect();
    Fault::new(
        Code::OutputExists,
        format!("an earlier attempt of upload job {id} began to place other files: {}", names.join(", ")),
        "move those files away, remove the job's record from the folder .omniva, then retry the job",
    )
}

#[cfg(test)]
mod tests;
