#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;

use omniva_contracts::Code;
use proptest::prelude::*;
use tempfile::{TempDir, tempdir};

use super::*;
use crate::file::{Content, stage};

const PLANTED: &str = "ya29.PLANTED-c4n4ry-0123456789";

struct Bench {
    root: TempDir,
}

impl Bench {
    fn new() -> Self {
        Self { root: tempdir().unwrap() }
    }
    fn path(&self) -> PathBuf {
        self.root.path().join("vault.json")
    }
    fn vault(&self, key: u8) -> Vault {
        self.open(Keyring::of(Key::of(key))).unwrap()
    }
    fn open(&self, keys: Keyring) -> Result<Vault, omniva_contracts::Fault> {
        Vault::open(&self.path(), keys, Arc::new(OsEntropy))
    }
    fn text(&self) -> String {
        fs::read_to_string(self.path()).unwrap()
    }
    /// Every byte below the folder.
    fn bytes(&self) -> Vec<u8> {
        let files = fs::read_dir(self.root.path()).unwrap();
        files.flat_map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect()
    }
}

#[test]
fn secrets_come_back_until_they_are_removed() {
    let bench = Bench::new();
    let vault = bench.vault(1);
    assert_eq!(vault.get("a").unwrap(), None);
    assert!(!vault.remove("a").unwrap());
    vault.put("a", &"one".into()).unwrap();
    vault.put("b", &"two".into()).unwrap();
    vault.put("a", &"three".into()).unwrap();
    let again = bench.vault(1);
    assert_eq!(again.get("a").unwrap(), Some("three".into()));
    let entry = |name: &str, version| Entry { name: name.into(), version };
    assert_eq!(again.list().unwrap(), [entry("a", 2), entry("b", 1)]);
    assert!(again.remove("a").unwrap());
    assert_eq!((vault.get("a").unwrap(), vault.get("b").unwrap()), (None, Some("two".into())));
    let mode = fs::metadata(bench.path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_secret_is_never_replaced_by_nothing() {
    let bench = Bench::new();
    let vault = bench.vault(1);
    vault.put("a", &"one".into()).unwrap();
    for empty in ["", " ", "\n\t "] {
        assert_eq!(vault.put("a", &empty.into()).unwrap_err().code, Code::Usage);
    }
    for name in ["", "a b", "ä", &"n".repeat(201)] {
        assert_eq!(vault.put(name, &"x".into()).unwrap_err().code, Code::Usage, "{name:?}");
    }
    assert_eq!(vault.put("b", &Secret::new(vec![1; 300 << 10])).unwrap_err().code, Code::Usage);
    assert_eq!(vault.get("a").unwrap(), Some("one".into()));
    assert_eq!(vault.list().unwrap().len(), 1);
}

#[test]
fn another_key_opens_nothing_and_changes_nothing() {
    let bench = Bench::new();
    bench.vault(1).put("a", &PLANTED.into()).unwrap();
    let before = bench.text();
    let fault = bench.open(Keyring::of(Key::of(2))).err().unwrap();
    assert_eq!(fault.code, Code::VaultLocked);
    // Even one that claims the other's id.
    let claimed = before.replace(&Key::of(1).id(), &Key::of(2).id());
    fs::write(bench.path(), claimed).unwrap();
    let vault = bench.vault(2);
    assert_eq!(vault.get("a").unwrap_err().code, Code::VaultCorrupt);
    let ring = Keyring { current: Key::of(3), older: vec![Key::of(2)] };
    assert_eq!(bench.open(ring).unwrap().rotate().unwrap_err().code, Code::VaultCorrupt);
    fs::write(bench.path(), before).unwrap();
    assert_eq!(bench.vault(1).get("a").unwrap(), Some(PLANTED.into()));
}

#[test]
fn rotation_wraps_all_keys_anew_and_leaves_the_values() {
    let bench = Bench::new();
    let old = bench.vault(1);
    for i in 0..50 {
        old.put(&format!("account/{i}"), &format!("token {i}").into()).unwrap();
    }
    let before = Content::read(&bench.path()).unwrap().unwrap();
    let ring = Keyring { current: Key::of(2), older: vec![Key::of(1)] };
    let vault = bench.open(ring).unwrap();
    assert_eq!(vault.get("account/7").unwrap(), Some("token 7".into()), "before the rotation");
    assert_eq!(vault.rotate().unwrap(), 50);
    let after = Content::read(&bench.path()).unwrap().unwrap();
    for (name, envelope) in &after.secrets {
        let earlier = &before.secrets[name];
        assert_eq!(envelope.value, earlier.value);
        assert_ne!(envelope.key, earlier.key);
    }
    let new = bench.vault(2);
    assert!((0..50).all(|i| new.get(&format!("account/{i}")).unwrap() == Some(format!("token {i}").into())));
    assert_eq!(bench.open(Keyring::of(Key::of(1))).err().unwrap().code, Code::VaultLocked);
    assert_eq!(old.put("x", &"y".into()).unwrap_err().code, Code::VaultLocked, "an engine that was not told");
    assert_eq!(new.rotate().unwrap(), 50, "once more under the same key");
}

#[test]
fn a_death_between_write_and_rename_leaves_the_older_vault() {
    let bench = Bench::new();
    let vault = bench.vault(1);
    vault.put("a", &"one".into()).unwrap();
    let before = bench.text();
    for half in [&b"{\"form"[..], b"", before.as_bytes()] {
        let part = stage(&bench.path(), half).unwrap();
        assert!(part.exists());
        let again = bench.vault(1);
        assert_eq!((again.get("a").unwrap(), bench.text()), (Some("one".into()), before.clone()));
    }
    vault.put("b", &"two".into()).unwrap();
    assert_eq!(bench.vault(1).list().unwrap().len(), 2);
    let names: Vec<_> = fs::read_dir(bench.root.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "the vault and its lock: {names:?}");
}

#[test]
fn no_byte_that_is_written_or_shown_holds_the_secret() {
    let bench = Bench::new();
    let key_file = bench.root.path().join("key");
    let key = Key::create_file(&key_file, &OsEntropy).unwrap();
    let digits = fs::read_to_string(&key_file).unwrap();
    fs::remove_file(&key_file).unwrap();
    let vault = bench.open(Keyring::of(key.clone())).unwrap();
    let secret = Secret::from(PLANTED);
    vault.put("a", &secret).unwrap();
    vault.put("b", &secret).unwrap();
    vault.rotate().unwrap();
    let bytes = bench.bytes();
    let half = &PLANTED.as_bytes()[5..20];
    assert!(!bytes.windows(half.len()).any(|w| w == half));
    assert!(!bytes.windows(16).any(|w| w == &digits.as_bytes()[..16]));
    fs::write(bench.path(), bench.text().replace("\"version\": 1", "\"version\": 2")).unwrap();
    let fault = vault.get("a").unwrap_err();
    let shown = format!("{secret:?} {key:?} {fault:?} {fault} {:?}", Keyring::of(key.clone()));
    assert!(!shown.contains("PLANTED") && !shown.contains(&digits[..16]), "{shown}");
    assert!(shown.contains(&key.id()));
}

#[test]
fn entries_can_not_stand_in_for_each_other() {
    let bench = Bench::new();
    let vault = bench.vault(1);
    vault.put("a", &"one".into()).unwrap();
    vault.put("b", &"two".into()).unwrap();
    let mut content = Content::read(&bench.path()).unwrap().unwrap();
    let a = content.secrets["a"].clone();
    content.secrets.insert("b".into(), a);
    content.write(&bench.path()).unwrap();
    assert_eq!(vault.get("b").unwrap_err().code, Code::VaultCorrupt);
    assert_eq!(vault.get("a").unwrap(), Some("one".into()));
}

#[test]
fn key_files_are_private_whole_and_made_once() {
    let bench = Bench::new();
    let path = bench.root.path().join("key");
    let key = Key::create_file(&path, &OsEntropy).unwrap();
    assert_eq!(Key::from_file(&path).unwrap().id(), key.id());
    assert_eq!(Key::create_file(&path, &OsEntropy).unwrap_err().code, Code::OutputExists);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(Key::from_file(&path).unwrap_err().next_step.contains("chmod 600"));
    let link = bench.root.path().join("link");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    for bad in [link, bench.root.path().join("none"), bench.root.path().to_owned()] {
        assert_eq!(Key::from_file(&bad).unwrap_err().code, Code::VaultLocked, "{bad:?}");
    }
    for text in ["", "12", &"g".repeat(64), &"0".repeat(63), &"0".repeat(300)] {
        let file = bench.root.path().join(format!("k{}", text.len()));
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(Key::from_file(&file).unwrap_err().code, Code::VaultLocked, "{text:?}");
    }
    assert_eq!(Key::from_env("OMNIVA_NO_SUCH_KEY").unwrap_err().code, Code::VaultLocked);
}

#[test]
fn writers_at_the_same_time_lose_nothing() {
    let bench = Bench::new();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let vault = bench.vault(1);
            scope.spawn(move || {
                for i in 0..10 {
                    vault.put(&format!("{thread}/{i}"), &"x".into()).unwrap();
                }
            });
        }
    });
    assert_eq!(bench.vault(1).list().unwrap().len(), 40);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever is done to the file: the secret itself, or a fault; never something else.
    #[test]
    fn a_changed_file_never_gives_a_changed_secret(at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()) {
        let bench = Bench::new();
        let vault = bench.vault(1);
        vault.put("a", &PLANTED.into()).unwrap();
        let mut bytes = bench.text().into_bytes();
        let at = at.index(bytes.len());
        if cut { bytes.truncate(at) } else { bytes[at] = byte }
        fs::write(bench.path(), bytes).unwrap();
        match vault.get("a") {
            Ok(None) => {} // the name was hit
            Ok(Some(secret)) => prop_assert_eq!(secret.expose(), PLANTED.as_bytes()),
            Err(fault) => prop_assert!(matches!(fault.code, Code::VaultCorrupt | Code::VaultLocked)),
        }
    }

    #[test]
    fn any_bytes_come_back(bytes in prop::collection::vec(any::<u8>(), 1..2_000)) {
        prop_assume!(!bytes.iter().all(u8::is_ascii_whitespace));
        let bench = Bench::new();
        let vault = bench.vault(9);
        vault.put("n", &Secret::new(bytes.clone())).unwrap();
        let back = vault.get("n").unwrap().unwrap();
        prop_assert_eq!(back.expose(), &bytes[..]);
    }
}
