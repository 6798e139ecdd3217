//! SIGKILL at many moments: old content or new content, nothing between, and nothing left over after the next start.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use omniva_assets::{Cache, Claim, Key, publish, sweep_unfinished, write_atomic};
use omniva_contracts::Silent;
use tempfile::{tempdir, tempdir_in};

pub const TESTS: &[crate::Test] = &[
    ("a_killed_writer_leaves_old_or_new_content", a_killed_writer_leaves_old_or_new_content),
    ("a_killed_publisher_leaves_a_whole_file", a_killed_publisher_leaves_a_whole_file),
    ("a_killed_builder_leaves_a_usable_cache", a_killed_builder_leaves_a_usable_cache),
    ("two_processes_share_a_cache", two_processes_share_a_cache),
];

const KILLS: u64 = 20;
const SIZE: usize = 300_000;

fn start(args: &[&str]) -> Child {
    let me = std::env::current_exe().unwrap();
    Command::new(me).args(args).stdout(Stdio::null()).spawn().unwrap()
}

/// Lets it work until `begun`, then for a little longer each time, then kills it.
fn kill_while_it_works(child: &mut Child, round: u64, mut begun: impl FnMut() -> bool) {
    let since = Instant::now();
    while !begun() {
        assert!(since.elapsed() < Duration::from_secs(20), "it never began");
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
        sleep(Duration::from_micros(200));
    }
    sleep(Duration::from_micros(round * 577));
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Every byte the same, full length.
fn assert_whole(path: &Path) {
    let bytes = fs::read(path).unwrap();
    assert_eq!(bytes.len(), SIZE, "half a file");
    assert!(bytes.iter().all(|byte| *byte == bytes[0]), "a mixture");
}

fn others(folder: &Path, but: &str) -> usize {
    fs::read_dir(folder).unwrap().filter(|entry| entry.as_ref().unwrap().file_name() != but).count()
}

pub fn keep_writing(folder: &Path) -> ! {
    for value in (0..=255u8).cycle() {
        write_atomic(&folder.join("file"), &vec![value; SIZE]).unwrap();
    }
    unreachable!()
}

fn a_killed_writer_leaves_old_or_new_content() {
    let folder = tempdir().unwrap();
    let (path, mut left_over) = (folder.path().join("file"), 0);
    for round in 0..KILLS {
        let mut child = start(&["__write", folder.path().to_str().unwrap()]);
        kill_while_it_works(&mut child, round, || path.exists());
        assert_whole(&path);
        left_over += others(folder.path(), "file");
        sweep_unfinished(folder.path()).unwrap();
        assert_eq!(others(folder.path(), "file"), 0);
        fs::remove_file(&path).unwrap();
    }
    assert!(left_over > 0, "no kill hit a write: this test proves nothing");
}

/// From one file system to another, where publishing has to copy.
pub fn keep_publishing(from: &Path, to: &Path) -> ! {
    for value in (0..=255u8).cycle() {
        fs::write(from.join("made"), vec![value; SIZE]).unwrap();
        publish(&from.join("made"), &to.join("file")).unwrap();
    }
    unreachable!()
}

fn a_killed_publisher_leaves_a_whole_file() {
    let (here, there) = (tempdir().unwrap(), tempdir_in("/dev/shm").unwrap());
    let path = there.path().join("file");
    for round in 0..KILLS {
        let mut child = start(&["__publish", here.path().to_str().unwrap(), there.path().to_str().unwrap()]);
        kill_while_it_works(&mut child, round, || path.exists());
        assert_whole(&path);
        sweep_unfinished(there.path()).unwrap();
        assert_eq!(others(there.path(), "file"), 0);
        fs::remove_file(&path).unwrap();
    }
}

fn stage(number: u64) -> Key {
    Key::new("stage", 1, &[&number.to_string()])
}

/// Eight stages over and over, each file slowly, with pruning in between.
pub fn keep_caching(folder: &Path) -> ! {
    let cache = Cache::open(folder, SIZE as u64 * 5).unwrap();
    for number in (0..8).cycle() {
        match cache.claim(&stage(number), &Silent).unwrap() {
            Claim::Ready(entry) => check(&entry, number),
            Claim::Build(building) => {
                // Pruning removes; nothing here damages.
                assert_eq!(building.discarded, None);
                for file in ["a", "b"] {
                    fs::write(building.path().join(file), vec![number as u8; SIZE / 2]).unwrap();
                }
                check(&building.finish(&Silent).unwrap(), number);
            }
        }
        cache.prune().unwrap();
        fs::write(folder.join("begun"), "").unwrap();
    }
    unreachable!()
}

fn check(entry: &omniva_assets::Entry, number: u64) {
    for file in ["a", "b"] {
        assert_eq!(fs::read(entry.file(file)).unwrap(), vec![number as u8; SIZE / 2]);
    }
}

fn a_killed_builder_leaves_a_usable_cache() {
    let folder = tempdir().unwrap();
    for round in 0..KILLS {
        let mut child = start(&["__cache", folder.path().to_str().unwrap()]);
        kill_while_it_works(&mut child, round, || folder.path().join("begun").exists());
        fs::remove_file(folder.path().join("begun")).unwrap();
        let cache = Cache::open(folder.path(), u64::MAX).unwrap();
        assert_eq!(fs::read_dir(folder.path().join("work")).unwrap().count(), 0, "work was not swept");
        cache.prune().unwrap();
        for number in 0..8 {
            // A kill while an entry was being removed may leave rests, which are told about; wrong content never.
            if let Claim::Ready(entry) = cache.claim(&stage(number), &Silent).unwrap() {
                check(&entry, number);
            }
        }
    }
}

/// They build, use and prune the same entries at the same time; each checks all that it gets.
fn two_processes_share_a_cache() {
    let folder = tempdir().unwrap();
    let mut children: Vec<Child> = (0..2).map(|_| start(&["__cache", folder.path().to_str().unwrap()])).collect();
    sleep(Duration::from_millis(1500));
    for child in &mut children {
        assert!(child.try_wait().unwrap().is_none(), "a process failed");
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
