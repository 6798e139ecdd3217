use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use omniva_contracts::{Code, Silent};
use tempfile::{TempDir, tempdir};

use super::*;

fn cache(limit: u64) -> (TempDir, Cache) {
    let folder = tempdir().unwrap();
    let cache = Cache::open(&folder.path().join("deep/cache"), limit).unwrap();
    (folder, cache)
}

fn key(input: &str) -> Key {
    Key::new("stage", 1, &[input])
}

fn build(cache: &Cache, key: &Key, content: &str) -> Entry {
    let Claim::Build(building) = cache.claim(key, &Silent).unwrap() else { panic!("was there already") };
    fs::write(building.path().join("b.bin"), content).unwrap();
    fs::write(building.path().join("a.json"), "{}").unwrap();
    building.finish(&Silent).unwrap()
}

fn ready(cache: &Cache, key: &Key) -> Option<Entry> {
    match cache.claim(key, &Silent).unwrap() {
        Claim::Ready(entry) => Some(entry),
        Claim::Build(_) => None,
    }
}

fn count(folder: PathBuf) -> usize {
    fs::read_dir(folder).unwrap().count()
}

#[test]
fn a_finished_stage_is_found_again_and_an_unfinished_one_is_not() {
    let (_folder, cache) = cache(1 << 30);
    let entry = build(&cache, &key("x"), "content");
    assert_eq!(fs::read_to_string(entry.file("b.bin")).unwrap(), "content");
    assert_eq!((entry.bytes(), entry.path().is_absolute()), (9, true));
    assert_eq!(ready(&cache, &key("x")).unwrap().path(), entry.path());
    let Claim::Build(building) = cache.claim(&key("y"), &Silent).unwrap() else { panic!() };
    fs::write(building.path().join("half"), "half").unwrap();
    drop(building);
    assert!(ready(&cache, &key("y")).is_none());
    assert_eq!(count(cache.work()), 0);
    assert_eq!(count(cache.entries()), 1);
    assert!(cache.folder().join("CACHEDIR.TAG").exists());
}

#[test]
fn every_part_of_a_key_counts() {
    let keys = [
        Key::new("s", 1, &["ab", "c"]),
        Key::new("s", 1, &["a", "bc"]),
        Key::new("s", 1, &["abc"]),
        Key::new("s", 1, &["ab", "c", ""]),
        Key::new("s", 2, &["ab", "c"]),
        Key::new("sa", 1, &["b", "c"]),
    ];
    for (i, a) in keys.iter().enumerate() {
        assert_eq!(a.digest().len(), 64);
        assert!(keys.iter().skip(i + 1).all(|b| a.digest() != b.digest()));
    }
}

/// What the reason says, and how it came about.
type Damage = (&'static str, fn(&Path));

#[test]
fn a_damaged_entry_is_thrown_away_with_a_reason() {
    let damages: [Damage; 6] = [
        ("b.bin was changed", |f| fs::write(f.join("b.bin"), "Content").unwrap()),
        ("b.bin was changed", |f| fs::write(f.join("b.bin"), "conten").unwrap()),
        ("b.bin can't be read", |f| fs::remove_file(f.join("b.bin")).unwrap()),
        ("manifest can't be read", |f| fs::write(f.join("manifest.json"), "{").unwrap()),
        ("manifest can't be read", |f| fs::remove_file(f.join("manifest.json")).unwrap()),
        ("b.bin can't be read", |f| {
            fs::rename(f.join("b.bin"), f.join("c")).unwrap();
            std::os::unix::fs::symlink("c", f.join("b.bin")).unwrap();
        }),
    ];
    for (reason, damage) in damages {
        let (_folder, cache) = cache(1 << 30);
        let path = build(&cache, &key("x"), "content").path().to_path_buf();
        damage(&path);
        let Claim::Build(building) = cache.claim(&key("x"), &Silent).unwrap() else { panic!("{reason}: was used") };
        let told = building.discarded.clone().unwrap();
        assert!(told.contains(reason) && told.contains("`stage`"), "{told}");
        fs::write(building.path().join("b.bin"), "anew").unwrap();
        drop(building.finish(&Silent).unwrap());
        assert_eq!(fs::read_to_string(ready(&cache, &key("x")).unwrap().file("b.bin")).unwrap(), "anew");
    }
}

#[test]
fn an_entry_of_another_key_is_not_believed() {
    let (_folder, cache) = cache(1 << 30);
    let path = build(&cache, &key("x"), "content").path().to_path_buf();
    fs::rename(path, cache.entry(&key("y"))).unwrap();
    assert!(ready(&cache, &key("y")).is_none());
}

#[test]
fn only_regular_files_can_be_kept() {
    let (_folder, cache) = cache(1 << 30);
    let Claim::Build(building) = cache.claim(&key("x"), &Silent).unwrap() else { panic!() };
    std::os::unix::fs::symlink("/etc/passwd", building.path().join("link")).unwrap();
    assert_eq!(building.finish(&Silent).unwrap_err().code, Code::Internal);
    assert!(ready(&cache, &key("x")).is_none());
}

#[test]
fn the_second_waits_for_the_first() {
    let (_folder, cache) = cache(1 << 30);
    let Claim::Build(building) = cache.claim(&key("x"), &Silent).unwrap() else { panic!() };
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| ready(&cache, &key("x")).unwrap().bytes());
        std::thread::sleep(Duration::from_millis(120));
        assert!(!waiting.is_finished());
        fs::write(building.path().join("f"), "12345").unwrap();
        let _entry = building.finish(&Silent).unwrap();
        assert_eq!(waiting.join().unwrap(), 5);
    });
}

#[test]
fn waiting_can_be_cancelled() {
    struct Stop(AtomicBool);
    impl Monitor for Stop {
        fn progress(&self, _: f64) {}
        fn cancelled(&self) -> bool {
            self.0.load(Ordering::Relaxed)
        }
    }
    let (_folder, cache) = cache(1 << 30);
    let _building = cache.claim(&key("x"), &Silent).unwrap();
    let stop = Stop(AtomicBool::new(false));
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| (cache.claim(&key("x"), &stop), cache.rebuild(&key("x"), &stop)));
        std::thread::sleep(Duration::from_millis(80));
        stop.0.store(true, Ordering::Relaxed);
        let (claim, rebuild) = waiting.join().unwrap();
        assert_eq!(claim.unwrap_err().code, Code::Cancelled);
        assert_eq!(rebuild.unwrap_err().code, Code::Cancelled);
    });
}

#[test]
fn a_rebuild_replaces_what_was_there() {
    let (_folder, cache) = cache(1 << 30);
    drop(build(&cache, &key("x"), "old"));
    let building = cache.rebuild(&key("x"), &Silent).unwrap();
    fs::write(building.path().join("b.bin"), "new").unwrap();
    drop(building.finish(&Silent).unwrap());
    let entry = ready(&cache, &key("x")).unwrap();
    assert_eq!(fs::read_to_string(entry.file("b.bin")).unwrap(), "new");
    assert!(!entry.file("a.json").exists());
}

#[test]
fn pruning_takes_the_least_recently_used_and_never_what_is_in_use() {
    let (_folder, cache) = cache(250);
    let content = "x".repeat(98); // 100 bytes with a.json
    let age = |name: &str, seconds: u64| {
        let file = fs::File::options().write(true).open(cache.entry(&key(name)).join(MANIFEST)).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).unwrap();
    };
    let in_use = build(&cache, &key("in use"), &content);
    for name in ["old", "older", "used again"] {
        drop(build(&cache, &key(name), &content));
    }
    age("in use", 1);
    age("older", 2);
    age("old", 3);
    age("used again", 1);
    drop(ready(&cache, &key("used again")).unwrap());
    fs::create_dir(cache.entries().join("rest")).unwrap();
    let pruned = cache.prune().unwrap();
    assert_eq!(pruned, Pruned { removed_entries: 3, removed_bytes: 200, kept_bytes: 200 });
    assert!(in_use.file("b.bin").exists());
    assert!(ready(&cache, &key("used again")).is_some());
    assert!(ready(&cache, &key("old")).is_none() && ready(&cache, &key("older")).is_none());
    assert_eq!(cache.prune().unwrap().removed_entries, 0);
}

#[test]
fn a_place_that_can_not_hold_a_cache_is_said_so() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let fault = Cache::open(&file.join("cache"), 1).unwrap_err();
    assert_eq!(fault.code, Code::OutputUnwritable);
    assert!(fault.next_step.contains("OMNIVA_CACHE"));
}
