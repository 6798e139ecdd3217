//! Copies of the store, the newest few of which are kept.

use std::path::Path;

use omniva_contracts::engine::Moment;
use omniva_contracts::{Code, Fault};

use super::super::blocking::{attended, blocking};
use super::super::end::Run;
use super::Round;

/// Backups that stay.
const KEEP: usize = 7;
const PREFIX: &str = "omniva-";
const SUFFIX: &str = ".db";

pub(super) async fn run(round: &mut Round) -> Run<()> {
    let folder = round.tools.backups.clone();
    std::fs::create_dir_all(&folder).map_err(|e| Fault::writing(&folder.display().to_string(), &e))?;
    let to = folder.join(name(round.now));
    let upkeep = round.tools.upkeep.clone();
    let records = round.tools.publishing.records().to_owned();
    let made = attended(&round.watch, upkeep.backup(&to, Some(&records))).await?;
    let kept = made.records.as_ref().map_or(0, |records| records.count);
    let place = to.display();
    round.find(format!("backup: {place} with {} packets, {} bytes, {kept} records of uploads", made.size, made.bytes));
    let removed = blocking(&round.watch, move |_| thin_out(&folder)).await?;
    round.result.removed_files += removed;
    Ok(())
}

/// In the order of time: `omniva-20260131T235959Z.db`.
fn name(now: Moment) -> String {
    let digits: String = now.to_string().chars().take(19).filter(|c| !matches!(c, '-' | ':')).collect();
    format!("{PREFIX}{digits}Z{SUFFIX}")
}

/// Removes all but the newest backups, each with its manifest and records; gives the number of files. Other files stay.
fn thin_out(folder: &Path) -> Result<u64, Fault> {
    let fault = |e: std::io::Error| {
        Fault::new(Code::OutputUnwritable, "old backups can't be removed", "check the permissions of the data folder")
            .with_detail(e)
    };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(fault)? {
        let name = entry.map_err(fault)?.file_name().to_string_lossy().into_owned();
        if name.starts_with(PREFIX) && name.ends_with(SUFFIX) {
            names.push(name);
        }
    }
    names.sort();
    let mut removed = 0;
    for old in names.iter().rev().skip(KEEP) {
        for suffix in ["", ".json", ".uploads"] {
            let path = folder.join(format!("{old}{suffix}"));
            match std::fs::remove_file(path) {
                Ok(()) => removed += 1,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(fault(error)),
            }
        }
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_backups_stay() {
        assert_eq!(name(Moment::from_seconds(951_782_400)), "omniva-20000229T000000Z.db");
        let folder = std::env::temp_dir().join(format!("omniva-thin-out-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("made");
        let names: Vec<String> = (0..9).map(|day| name(Moment::from_seconds(day * 86_400))).collect();
        for file in names
            .iter()
            .flat_map(|n| [n.clone(), format!("{n}.json"), format!("{n}.uploads")])
            .chain(["other.txt".into()])
        {
            std::fs::write(folder.join(file), "x").expect("written");
        }
        assert_eq!(thin_out(&folder), Ok(6));
        assert_eq!(thin_out(&folder), Ok(0));
        let there = |name: &str| folder.join(name).exists();
        assert!(
            !there(&names[0])
                && !there(&format!("{}.json", names[1]))
                && !there(&format!("{}.uploads", names[1]))
                && there(&names[2])
                && there("other.txt")
        );
        std::fs::remove_dir_all(&folder).expect("removed");
    }
}
