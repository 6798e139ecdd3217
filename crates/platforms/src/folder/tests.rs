#![allow(clippy::unwrap_used)]

use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicUsize, Ordering};

use omniva_contracts::Silent;
use omniva_contracts::engine::ClipId;
use tempfile::{TempDir, tempdir};
use uuid::Uuid;

use super::*;
use crate::publisher::Post;

/// Says stop at the n-th question.
struct StopsAt(AtomicUsize);
impl Monitor for StopsAt {
    fn progress(&self, _fraction: f64) {}
    fn cancelled(&self) -> bool {
        self.0.fetch_sub(1, Ordering::Relaxed) == 1
    }
}

struct Bench {
    root: TempDir,
    publisher: FolderPublisher,
}

impl Bench {
    fn new() -> Self {
        let root = tempdir().unwrap();
        let publisher = FolderPublisher::new(&root.path().join("out")).unwrap();
        Self { root, publisher }
    }
    fn publication(&self, id: u128) -> Publication {
        let source = self.root.path().join("render");
        fs::write(&source, b"video").unwrap();
        let sha256 = hex(&Sha256::digest(b"video"));
        let file = |name: &str, content: Content, bytes| PublishFile { name: name.into(), content, bytes };
        Publication {
            upload_job_id: UploadJobId(Uuid::from_u128(id)),
            clip_id: ClipId(Uuid::from_u128(9)),
            files: vec![
                file("a-1.mp4", Content::File { path: source, sha256 }, 5),
                file("a-1.srt", Content::Text("1\n".into()), 2),
                file("a-1.txt", Content::Text("title".into()), 5),
            ],
            post: Post::new("title", ""),
        }
    }
    /// Names of visible files.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.publisher.folder()).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries.map(|e| e.file_name().to_string_lossy().into_owned()).collect();
        names.retain(|n| n != RECORDS);
        names.sort();
        names
    }
    fn path(&self, name: &str) -> PathBuf {
        self.publisher.folder().join(name)
    }
}

#[test]
fn files_appear_once_and_a_record_says_so() {
    let bench = Bench::new();
    let (publisher, publication) = (&bench.publisher, bench.publication(1));
    publisher.authorise().unwrap();
    assert_eq!(publisher.find(publication.upload_job_id).unwrap(), None);
    let receipt = publisher.publish(&publication, &Silent).unwrap();
    publisher.verify(&receipt, &Silent).unwrap();
    assert_eq!(bench.names(), ["a-1.mp4", "a-1.srt", "a-1.txt"]);
    assert_eq!(publisher.find(publication.upload_job_id).unwrap(), Some(receipt.clone()));

    // Once more, as after a restart: nothing is placed again, not even what the user has taken away since.
    fs::remove_file(bench.path("a-1.srt")).unwrap();
    assert_eq!(publisher.publish(&publication, &Silent).unwrap(), receipt);
    assert_eq!(bench.names(), ["a-1.mp4", "a-1.txt"]);
    assert!(publisher.verify(&receipt, &Silent).unwrap_err().message.contains("a-1.srt"));
}

#[test]
fn an_interrupted_attempt_goes_on_with_the_same_names() {
    let bench = Bench::new();
    bench.publisher.authorise().unwrap();
    let publication = bench.publication(1);
    let mut interrupted = 0;
    for stop in 1..40 {
        match bench.publisher.publish(&publication, &StopsAt(AtomicUsize::new(stop))) {
            Ok(_) => break,
            Err(fault) => assert_eq!(fault.code, Code::Cancelled),
        }
        interrupted += 1;
        assert_eq!(bench.publisher.find(publication.upload_job_id).unwrap(), None);
    }
    assert!(interrupted >= 3, "the stops hit nothing");
    assert_eq!(bench.names(), ["a-1.mp4", "a-1.srt", "a-1.txt"], "no part is left");
}

#[test]
fn what_is_not_ours_is_never_replaced() {
    let bench = Bench::new();
    bench.publisher.authorise().unwrap();
    fs::write(bench.path("a-1.srt"), "mine").unwrap();
    let publication = bench.publication(1);
    for _ in 0..2 {
        let fault = bench.publisher.publish(&publication, &Silent).unwrap_err();
        assert_eq!(fault.code, Code::OutputExists);
        assert!(fault.message.contains("a-1.srt"), "{fault}");
    }
    assert_eq!(fs::read(bench.path("a-1.srt")).unwrap(), b"mine");
    fs::remove_file(bench.path("a-1.srt")).unwrap();
    bench.publisher.publish(&publication, &Silent).unwrap();
    assert_eq!(fs::read(bench.path("a-1.srt")).unwrap(), b"1\n");
    // Another upload of the same clip finds its very files there: still one copy.
    bench.publisher.publish(&bench.publication(2), &Silent).unwrap();
    assert_eq!(bench.names().len(), 3);
}

#[test]
fn a_file_that_changed_in_our_library_is_not_published() {
    let bench = Bench::new();
    bench.publisher.authorise().unwrap();
    let publication = bench.publication(1);
    fs::write(bench.root.path().join("render"), b"vIdeo").unwrap();
    assert_eq!(bench.publisher.publish(&publication, &Silent).unwrap_err().code, Code::InputCorrupt);
    assert!(bench.names().is_empty());
}

#[test]
fn two_attempts_at_once_do_not_meet() {
    let bench = Bench::new();
    bench.publisher.authorise().unwrap();
    let publication = bench.publication(1);
    let lock = bench.publisher.records().join(format!("{}.lock", publication.upload_job_id));
    let held = FileLock::take(&lock).unwrap().unwrap();
    assert_eq!(bench.publisher.publish(&publication, &Silent).unwrap_err().code, Code::Conflict);
    drop(held);
    bench.publisher.publish(&publication, &Silent).unwrap();
}

#[test]
fn odd_records_names_and_folders_are_told() {
    assert_eq!(FolderPublisher::new(Path::new("out")).err().unwrap().code, Code::OutputUnwritable);
    let bench = Bench::new();
    bench.publisher.authorise().unwrap();
    let mut publication = bench.publication(1);
    for bad in ["../x", "", ".x", "a/b", "a-1.srt"] {
        publication.files[0].name = bad.into();
        assert_eq!(bench.publisher.publish(&publication, &Silent).unwrap_err().code, Code::Internal, "{bad}");
    }
    assert!(bench.names().is_empty());
    fs::write(bench.publisher.marker(publication.upload_job_id), "{").unwrap();
    let fault = bench.publisher.find(publication.upload_job_id).unwrap_err();
    assert_eq!(fault.code, Code::OutputUnwritable);

    let file = bench.root.path().join("file");
    fs::write(&file, "").unwrap();
    for place in [file.join("below"), PathBuf::from("/proc/omniva")] {
        let publisher = FolderPublisher::new(&place).unwrap();
        let fault = publisher.authorise().unwrap_err();
        assert_eq!(fault.code, Code::OutputUnwritable, "{place:?}");
        assert!(fault.next_step.contains("output folder"), "{fault:?}");
    }
    // Root may write anywhere, so that a mode says nothing to it.
    // SAFETY: no arguments.
    if unsafe { libc::geteuid() } != 0 {
        fs::set_permissions(bench.publisher.folder(), fs::Permissions::from_mode(0o500)).unwrap();
        assert_eq!(bench.publisher.authorise().unwrap_err().code, Code::OutputUnwritable);
        fs::set_permissions(bench.publisher.folder(), fs::Permissions::from_mode(0o700)).unwrap();
    }
}
