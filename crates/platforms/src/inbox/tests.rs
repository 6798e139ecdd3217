#![allow(clippy::unwrap_used)]

use std::fs::File;
use std::io::Write;

use omniva_contracts::Silent;
use omniva_contracts::engine::ArtifactKind;
use tempfile::{TempDir, tempdir};

use super::*;

const ALL: Window = Window { since: None, until: None, max_bytes: 1 << 40 };

fn inbox(folder: &TempDir) -> InboxSource {
    InboxSource::open(folder.path().to_str().unwrap(), Duration::ZERO).unwrap()
}

fn titles(looked: &Looked) -> Vec<&str> {
    looked.items.iter().map(|i| i.title.as_str()).collect()
}

fn write(folder: &TempDir, name: &str, bytes: &[u8], age: u64) {
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    let then = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(2_000_000_000 - age);
    File::options().write(true).open(&path).unwrap().set_modified(then).unwrap();
}

#[test]
fn plain_files_are_found_oldest_first_and_the_rest_is_told() {
    let folder = tempdir().unwrap();
    write(&folder, "new.mp4", b"1", 0);
    write(&folder, "old.mp4", b"2", 60);
    for name in ["x.part", "Y.CRDOWNLOAD", "~$z.mp4", "w.mp4~", "empty.mp4"] {
        write(&folder, name, if name == "empty.mp4" { b"" } else { b"x" }, 0);
    }
    write(&folder, ".hidden.mp4", b"x", 0);
    fs::create_dir(folder.path().join("sub")).unwrap();
    write(&folder, "sub/below.mp4", b"x", 0);
    std::os::unix::fs::symlink("/etc/passwd", folder.path().join("link.mp4")).unwrap();
    let looked = inbox(&folder).look(&ALL, &Silent).unwrap();
    assert_eq!(titles(&looked), ["old", "new"]);
    let mut told: Vec<&str> = looked.skipped.iter().map(|(name, _)| name.as_str()).collect();
    told.sort_unstable();
    assert_eq!(told, ["Y.CRDOWNLOAD", "empty.mp4", "link.mp4", "w.mp4~", "x.part", "~$z.mp4"]);
    // The same files have the same ids; another size or time gives another.
    let again = inbox(&folder).look(&ALL, &Silent).unwrap();
    assert_eq!(looked, again);
    write(&folder, "new.mp4", b"12", 0);
    let changed = inbox(&folder).look(&ALL, &Silent).unwrap();
    assert_ne!(changed.items[1].platform_post_id, looked.items[1].platform_post_id);
    assert_eq!(changed.items[0], looked.items[0]);
}

#[test]
fn the_window_bounds_time_and_size() {
    let folder = tempdir().unwrap();
    write(&folder, "a.mp4", b"1", 100);
    write(&folder, "b.mp4", b"22", 50);
    write(&folder, "c.mp4", b"3", 0);
    let at = |age: i64| Some(Moment::from_seconds(2_000_000_000 - age));
    let look = |window: Window| inbox(&folder).look(&window, &Silent).unwrap();
    let young = look(Window { since: at(60), ..ALL });
    assert_eq!(
        (titles(&young), young.skipped[0].1.as_str()),
        (vec!["b", "c"], "1 files are older or newer than the window")
    );
    assert_eq!(titles(&look(Window { until: at(10), ..ALL })), ["a", "b"]);
    let small = look(Window { max_bytes: 1, ..ALL });
    assert_eq!((titles(&small), small.skipped.len()), (vec!["a", "c"], 1));
}

#[test]
fn what_changes_between_two_looks_or_is_open_for_writing_waits() {
    let folder = tempdir().unwrap();
    for name in ["still.mp4", "grows.mp4", "open.mp4", "goes.mp4"] {
        write(&folder, name, b"x", 0);
    }
    let source = inbox(&folder);
    let first = source.look(&ALL, &Silent).unwrap();
    assert_eq!(first.items.len(), 4);
    let mut writer = File::options().append(true).open(folder.path().join("open.mp4")).unwrap();
    File::options().append(true).open(folder.path().join("grows.mp4")).unwrap().write_all(b"y").unwrap();
    fs::remove_file(folder.path().join("goes.mp4")).unwrap();
    let second = source.confirm(first.items.clone(), &Silent).unwrap();
    assert_eq!(titles(&second), ["still"], "{:?}", second.skipped);
    assert_eq!(second.skipped.len(), 3);
    writer.flush().unwrap();
    drop(writer);
    let open: Vec<FoundItem> = first.items.into_iter().filter(|i| i.title == "open").collect();
    assert_eq!(source.confirm(open, &Silent).unwrap().items.len(), 1, "closed now");
}

#[test]
fn only_what_was_found_is_fetched() {
    let folder = tempdir().unwrap();
    let elsewhere = tempdir().unwrap();
    let library = Library::open(elsewhere.path(), 0).unwrap();
    write(&folder, "a.mp4", b"abc", 0);
    let source = inbox(&folder);
    let item = source.look(&ALL, &Silent).unwrap().items.remove(0);
    let Fetched::Copy(copied, _) = source.fetch(&item, &library, &Silent).unwrap() else { panic!("it is there") };
    let kept = library.keep(*copied, ArtifactKind::Raw, None, "").unwrap();
    assert_eq!(library.read(kept.key.as_str(), 10).unwrap(), b"abc");

    write(&folder, "a.mp4", b"abcd", 0);
    assert!(matches!(source.fetch(&item, &library, &Silent).unwrap(), Fetched::Gone(_)));
    // A link of that name leads nowhere.
    fs::remove_file(folder.path().join("a.mp4")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", folder.path().join("a.mp4")).unwrap();
    assert!(matches!(source.fetch(&item, &library, &Silent).unwrap(), Fetched::Gone(_)));
    let outside = FoundItem { url: "file:///etc/passwd".into(), ..item.clone() };
    assert_eq!(source.fetch(&outside, &library, &Silent).unwrap_err().code, Code::Internal);
    fs::remove_dir_all(folder.path()).unwrap();
    assert_eq!(source.fetch(&item, &library, &Silent).unwrap_err().code, Code::SourceUnavailable);
}

#[test]
fn a_folder_that_is_none_is_told() {
    let folder = tempdir().unwrap();
    write(&folder, "file", b"x", 0);
    let file = folder.path().join("file");
    for bad in ["relative", "/no/such/folder", file.to_str().unwrap()] {
        let fault = InboxSource::open(bad, Duration::ZERO).err().unwrap();
        assert_eq!(fault.code, Code::SourceUnavailable, "{bad}");
    }
}
