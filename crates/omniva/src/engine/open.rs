//! What the engine needs before it can start: randomness, its signing key, its store.

use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use omniva_contracts::ports::{Ids, Seeded, SystemClock, Timed};
use omniva_contracts::{Code, Fault};
use omniva_ledger::{Signer, Verifier};
use omniva_store::{Opened, OpenedReadOnly};

use super::DataFolder;

/// Largest key file that is read.
const MAX_KEY: u64 = 4 << 10;

/// A source of ids and numbers that nobody can foretell.
pub fn random() -> Result<Seeded, Fault> {
    Ok(Seeded::new(&secret()?))
}

/// Ids for rows: in the order of time, otherwise nobody can foretell them.
pub fn ids() -> Result<Timed<Seeded>, Fault> {
    Ok(Timed::new(random()?, Arc::new(SystemClock)))
}

fn secret() -> Result<[u8; 32], Fault> {
    let mut secret = [0u8; 32];
    let read = std::fs::File::open("/dev/urandom").and_then(|mut source| source.read_exact(&mut secret));
    read.map_err(|e| {
        Fault::new(Code::Internal, "the system gives no random numbers", "check /dev/urandom").with_detail(e)
    })?;
    Ok(secret)
}

/// The key that signs the ledger; made, with its public half beside it, when there is none yet.
pub fn signer(data: &DataFolder) -> Result<Signer, Fault> {
    let path = data.signing_key();
    let signer = if path.exists() {
        let text = read_small(&path)?;
        Signer::read(&text).map_err(|e| unusable(&path, &e))?
    } else {
        let signer = Signer::from_secret(&secret()?);
        write_private(&path, signer.write().as_bytes())?;
        signer
    };
    let public = signer.verifier().write();
    if std::fs::read_to_string(data.public_key()).ok().as_deref() != Some(public.as_str()) {
        omniva_assets::write_atomic(&data.public_key(), public.as_bytes())?;
    }
    Ok(signer)
}

/// The public key that a ledger is checked with.
pub fn verifier(path: &Path) -> Result<Verifier, Fault> {
    Verifier::read(&read_small(path)?).map_err(|e| unusable(path, &e))
}

fn unusable(path: &Path, error: &dyn std::fmt::Display) -> Fault {
    Fault::new(
        Code::ConfigInvalid,
        format!("{} is no key that omniva can use: {error}", path.display()),
        "put the right file there; ledger.key signs and stays secret, ledger.pub verifies",
    )
}

fn read_small(path: &Path) -> Result<String, Fault> {
    let unreadable = |e: &dyn std::fmt::Display| {
        Fault::new(
            Code::InputMissing,
            format!("the key {} can't be read", path.display()),
            "an engine writes its keys into its data folder; name another with --public-key",
        )
        .with_detail(e)
    };
    let meta = std::fs::metadata(path).map_err(|e| unreadable(&e))?;
    if !meta.is_file() || meta.len() > MAX_KEY {
        return Err(unreadable(&"no file of at most 4 KiB"));
    }
    std::fs::read_to_string(path).map_err(|e| unreadable(&e))
}

/// Whole or not at all, and never readable for others.
fn write_private(path: &Path, bytes: &[u8]) -> Result<(), Fault> {
    let part = path.with_extension("part");
    let failed = |e: std::io::Error| Fault::writing("the signing key", &e);
    match std::fs::remove_file(&part) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(failed(e)),
        _ => {}
    }
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part).map_err(failed)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed)?;
    std::fs::rename(&part, path).map_err(failed)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)
}

/// Opens the engine's database, makes it when it is new.
pub async fn store(data: &DataFolder, ids: &mut dyn Ids) -> Result<Opened, Fault> {
    Ok(omniva_store::open_sqlite(&data.database(), ids.next()).await?)
}

/// Opens the database of an engine, running or not, to look at it.
pub async fn store_read_only(data: &DataFolder) -> Result<OpenedReadOnly, Fault> {
    Ok(omniva_store::open_sqlite_read_only(&data.require_database()?).await?)
}

/// The data folder, made for its owner alone.
pub fn make_folder(data: &DataFolder) -> Result<(), Fault> {
    use std::os::unix::fs::DirBuilderExt;
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(data.path());
    made.map_err(|e| {
        let what = format!("the data folder {}", data.path().display());
        let fault = Fault::writing(&what, &e);
        Fault { next_step: "choose another folder with --data, or change its permissions".into(), ..fault }
    })
}

/// An asynchronous runtime for one command.
pub fn runtime() -> Result<tokio::runtime::Runtime, Fault> {
    crate::heap::watch();
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("omniva")
        .build()
        .map_err(|e| Fault::new(Code::Internal, "no threads can be started", "close other programs").with_detail(e))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::cli::DataArgs;

    #[test]
    fn the_signing_key_is_made_once_and_is_the_owners_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let data = DataFolder::find(&DataArgs { data: Some(folder.path().join("d")) }).expect("named");
        make_folder(&data).expect("made");
        let first = signer(&data).expect("made");
        assert_eq!(signer(&data).expect("read").verifier(), first.verifier());
        assert_eq!(verifier(&data.public_key()).expect("read"), first.verifier());
        let mode = |path: &Path| path.metadata().expect("there").permissions().mode() & 0o777;
        assert_eq!(mode(&data.signing_key()), 0o600);
        assert_eq!(mode(data.path()), 0o700);
        std::fs::write(data.signing_key(), "nonsense").expect("written");
        assert_eq!(signer(&data).map(|_| ()).expect_err("refused").code, Code::ConfigInvalid);
    }

    #[test]
    fn draws_differ_between_starts() {
        let draw = || random().expect("a source").next();
        assert_ne!(draw(), draw());
    }
}
