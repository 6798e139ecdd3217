//! Files without a row, what dead processes left, and what the cache holds beyond its size.

use std::time::Duration;

use omniva_assets::Stored;

use super::super::blocking::blocking;
use super::super::end::Run;
use super::Round;

/// A file may be this old before its row is committed: a worker puts it, Zenith commits, and a store that is away is
/// waited for.
const GRACE: Duration = Duration::from_secs(86_400);
/// A download that nobody has gone on with for this long is given up.
const ABANDONED: Duration = Duration::from_secs(7 * 86_400);
/// Files that one run looks at; the next begins anew and finds fewer.
const MAX_FILES: usize = 50_000;
/// Strange names that are told.
const MAX_ODD: usize = 50;

pub(super) async fn run(round: &mut Round) -> Run<()> {
    let (before, abandoned) = (round.now.before(GRACE), round.now.before(ABANDONED));
    let tools = round.tools.clone();
    let (old, odd) = blocking(&round.watch, move |_| {
        tools.library.sweep_unfinished()?;
        tools.library.sweep_partials(abandoned)?;
        tools.cache.prune()?;
        let (mut old, mut odd) = (Vec::new(), Vec::new());
        tools.library.list(&mut |found| {
            match found {
                Ok(stored) if stored.put_at < before => old.push(stored),
                Ok(_) => {}
                Err(name) if odd.len() < MAX_ODD => odd.push(name),
                Err(_) => {}
            }
            old.len() < MAX_FILES
        })?;
        Ok((old, odd))
    })
    .await?;
    for name in odd {
        round.find(format!("stray_file: {name} is no file of the engine's; it is left alone"));
    }
    for stored in old {
        round.check()?;
        let row = round.context.reader.artifact_by_path(stored.key.as_str()).await?;
        if row.is_none_or(|row| row.removed_at.is_some()) {
            remove(round, stored).await?;
        }
    }
    Ok(())
}

async fn remove(round: &mut Round, stored: Stored) -> Run<()> {
    let (tools, before, key) = (round.tools.clone(), round.now.before(GRACE), stored.key.clone());
    if blocking(&round.watch, move |_| tools.library.remove_orphan(&key, before)).await? {
        round.result.removed_files += 1;
        round.result.removed_bytes += stored.bytes;
        round.find(format!("orphan: {} had no row and was removed", stored.key));
    }
    Ok(())
}
