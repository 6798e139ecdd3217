use std::fs;

use omniva_contracts::Silent;
use tempfile::tempdir;

use super::*;

struct Stopped;
impl Monitor for Stopped {
    fn progress(&self, _fraction: f64) {}
    fn cancelled(&self) -> bool {
        true
    }
}

fn listed(library: &Library) -> (Vec<Stored>, Vec<String>) {
    let (mut stored, mut odd) = (Vec::new(), Vec::new());
    let visit = &mut |found: Result<Stored, String>| {
        match found {
            Ok(found) => stored.push(found),
            Err(name) => odd.push(name),
        }
        true
    };
    library.list(visit).unwrap();
    (stored, odd)
}

fn files_below(folder: &Path) -> usize {
    fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap())
        .map(|e| if e.file_type().unwrap().is_dir() { files_below(&e.path()) } else { 1 })
        .sum()
}

#[test]
fn what_is_put_is_read_back_and_checked() {
    let folder = tempdir().unwrap();
    let library = Library::open(&folder.path().join("lib"), 0).unwrap();
    let owner = Uuid::from_u128(1);
    let kept = library.put_bytes(b"abc", ArtifactKind::Record, Some(owner), "json").unwrap();
    let key = kept.key.as_str();
    assert_eq!(kept.bytes, 3);
    assert_eq!(library.read(key, 3).unwrap(), b"abc");
    assert_eq!(library.read(key, 2).unwrap_err().code, Code::InputCorrupt, "longer than it may be");
    let path = library.verified(key, &Silent).unwrap();

    fs::write(&path, b"abd").unwrap();
    assert_eq!(library.read(key, 3).unwrap_err().code, Code::InputCorrupt);
    assert_eq!(library.verified(key, &Silent).unwrap_err().code, Code::InputCorrupt);
    assert!(library.remove(key).unwrap());
    assert!(!library.remove(key).unwrap());
    assert_eq!(library.read(key, 3).unwrap_err().code, Code::NotFound);
    for bad in ["../../etc/passwd", "", "raw/ab/x"] {
        assert_eq!(library.verified(bad, &Silent).unwrap_err().code, Code::NotFound, "{bad}");
        assert_eq!((library.remove(bad).unwrap(), library.bytes(bad).unwrap()), (false, None));
    }
}

#[test]
fn the_same_content_is_kept_once_and_a_copy_leaves_nothing_behind() {
    let folder = tempdir().unwrap();
    let root = folder.path().join("lib");
    let library = Library::open(&root, 0).unwrap();
    let source = folder.path().join("a \n title.mp4");
    fs::write(&source, vec![7u8; 3 * BLOCK + 1]).unwrap();
    let put = || library.put_file(&source, ArtifactKind::Raw, None, "", &Silent).unwrap();
    let (one, two) = (put(), put());
    assert_eq!(one, two);
    assert_eq!(one.bytes, 3 * BLOCK as u64 + 1);
    let dropped = library.copy_in(&source, &Silent).unwrap();
    assert!(dropped.path().exists());
    drop(dropped);
    assert_eq!(library.copy_in(&source, &Stopped).unwrap_err().code, Code::Cancelled);
    assert_eq!(files_below(&root), 1, "{:?}", listed(&library));

    let link = folder.path().join("link");
    std::os::unix::fs::symlink(&source, &link).unwrap();
    assert_eq!(library.copy_in(&link, &Silent).unwrap_err().code, Code::InputUnreadable);
    assert_eq!(library.copy_in(&folder.path().join("no"), &Silent).unwrap_err().code, Code::InputMissing);
}

#[test]
fn the_reserve_stays_free() {
    let folder = tempdir().unwrap();
    let library = Library::open(folder.path(), u64::MAX / 2).unwrap();
    let fault = library.put_bytes(b"abc", ArtifactKind::Record, None, "json").unwrap_err();
    assert_eq!(fault.code, Code::NoSpace);
    assert_eq!(library.room().unwrap(), 0);
    let source = folder.path().join("x");
    fs::write(&source, b"x").unwrap();
    assert_eq!(library.copy_in(&source, &Silent).unwrap_err().code, Code::NoSpace);
}

#[test]
fn only_orphans_that_are_old_enough_go() {
    let folder = tempdir().unwrap();
    let library = Library::open(folder.path(), 0).unwrap();
    let kept = library.put_bytes(b"abc", ArtifactKind::Thumbnail, None, "jpg").unwrap();
    fs::write(folder.path().join("raw/stray"), "x").unwrap();
    fs::create_dir_all(folder.path().join("renders/ab")).unwrap();
    fs::write(folder.path().join("renders/ab/title.mp4"), "x").unwrap();
    let (stored, mut odd) = listed(&library);
    odd.sort();
    assert_eq!(odd, ["raw/stray", "renders/ab/title.mp4"]);
    let found = &stored[0];
    assert_eq!((&found.key, found.bytes, stored.len()), (&kept.key, 3, 1));
    assert!(!library.remove_orphan(&found.key, found.put_at).unwrap(), "put at that moment");
    // Put again: it counts as new, so a sweep that looked before does not take it.
    let path = library.verified(found.key.as_str(), &Silent).unwrap();
    let past = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000);
    fs::File::options().write(true).open(&path).unwrap().set_modified(past).unwrap();
    library.put_bytes(b"abc", ArtifactKind::Thumbnail, None, "jpg").unwrap();
    assert!(!library.remove_orphan(&found.key, found.put_at).unwrap());
    fs::File::options().write(true).open(&path).unwrap().set_modified(past).unwrap();
    assert!(library.remove_orphan(&found.key, found.put_at).unwrap());
    assert!(!path.exists());
}

#[test]
fn what_a_dead_process_left_is_swept_at_the_next_start() {
    let folder = tempdir().unwrap();
    let library = Library::open(folder.path(), 0).unwrap();
    let living = library.shelf.incoming().unwrap();
    fs::create_dir_all(folder.path().join("incoming/1-0")).unwrap();
    fs::write(folder.path().join("incoming/1-0/.omniva-1-0.part"), "half").unwrap();
    fs::write(folder.path().join("incoming/1-0.lock"), "").unwrap();
    assert_eq!(library.sweep_unfinished().unwrap(), 1);
    assert!(living.path().exists());
    drop(living);
    assert_eq!(fs::read_dir(folder.path().join("incoming")).unwrap().count(), 0);
}
