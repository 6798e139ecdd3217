//! What the process gets from `install`, end to end; once a process, so one test.

use std::sync::Arc;

use omniva_contracts::engine::{LogLevel, Moment};
use omniva_contracts::ports::{Clock, Seeded};
use omniva_telemetry::{Config, Format, InstallError, Output, install, meter};

struct At(i64);
impl Clock for At {
    fn now_us(&self) -> i64 {
        self.0
    }
}

fn config(path: std::path::PathBuf, filter: &str) -> Config {
    Config {
        filter: filter.into(),
        output: Output::File(path),
        format: Format::Auto,
        ..Config::new("1.2.3", Arc::new(At(1_000_000)), Box::new(Seeded::new(b"x")))
    }
}

#[test]
fn lines_rows_and_a_scrape() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("omniva.log");
    assert!(matches!(install(config(path.clone(), "no=such=level")), Err(InstallError::Filter { .. })));
    assert!(matches!(install(config(folder.path().into(), "info")), Err(InstallError::Output { .. })));

    let telemetry = install(config(path.clone(), "info,quiet=off")).unwrap();
    let mut rows = telemetry.take_rows().unwrap();
    assert!(telemetry.take_rows().is_none());
    tracing::warn!(omv = "omv_abcdefgh", "disk is filling");
    tracing::error!(target: "quiet", "never");
    tracing::debug!("never");
    meter::invariant_violated("no_lost_job");

    let row = rows.try_recv().unwrap();
    assert_eq!((row.level, row.created_at, row.source.as_str()), (LogLevel::Warn, Moment(1_000_000), "install"));
    assert!(rows.try_recv().is_err());
    let lines = std::fs::read_to_string(path).unwrap();
    assert_eq!(
        lines,
        "{\"ts\":\"1970-01-01T00:00:01.000000Z\",\"level\":\"WARN\",\"target\":\"install\",\"msg\":\"disk is filling\",\"omv\":\"omv_[redacted]\"}\n"
    );
    let scrape = telemetry.clone().render();
    assert!(scrape.contains("omniva_invariant_violations_total{invariant=\"no_lost_job\"} 1"), "{scrape}");
    assert!(scrape.contains("omniva_build_info{version=\"1.2.3\",revision=\"\"} 1"), "{scrape}");
    assert!(scrape.contains("omniva_start_timestamp_seconds 1\n"), "{scrape}");
    assert!(matches!(install(config(folder.path().join("b"), "info")), Err(InstallError::Already)));
}
