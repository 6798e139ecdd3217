//! The way of a whole ledger into an audit: pages are read and hashed side by side, and handed over in order.

use std::collections::VecDeque;
use std::sync::Arc;

use omniva_ledger::Examined;

use crate::{Answered, PacketFilter, Reader, StoreFault, Trouble};

/// Packets of a page.
const PAGE: u64 = 5_000;

/// Hands every packet before place `size` to `take`, in the order of the ledger; what is written meanwhile is left for the
/// next time. Keeps a few pages in memory, one more than there are cores.
///
/// # Errors
/// As [`Reader::examined`]; what came before was handed over.
pub async fn examine_all(reader: &Arc<dyn Reader>, size: u64, take: impl FnMut(Examined)) -> Answered<()> {
    by_pages(reader, size, PAGE, take).await
}

pub(crate) async fn by_pages(
    reader: &Arc<dyn Reader>,
    size: u64,
    width: u64,
    mut take: impl FnMut(Examined),
) -> Answered<()> {
    let page = |from_seq: u64, until: u64| {
        let reader = reader.clone();
        tokio::spawn(async move { reader.examined(from_seq, until).await })
    };
    // One more, so that no core waits while a page is handed over.
    let ahead = std::thread::available_parallelism().map_or(2, usize::from) + 1;
    let (mut pages, mut next) = (VecDeque::new(), 0);
    loop {
        while pages.len() < ahead && next < size {
            let until = size.min(next.saturating_add(width));
            pages.push_back((until, page(next, until)));
            next = until;
        }
        let Some((until, reading)) = pages.pop_front() else { return Ok(()) };
        let read = reading.await.map_err(|e| StoreFault::new(Trouble::Bug, format!("reading broke off: {e}")))??;
        if read.is_empty() {
            // Whatever size the database claims: where nothing follows, nothing is read.
            match following(reader, until).await?.filter(|place| *place < size) {
                None => return Ok(()),
                Some(place) if place > next => {
                    pages.clear();
                    next = place;
                }
                Some(_) => {}
            }
        }
        read.into_iter().for_each(&mut take);
    }
}

/// Place of the first packet at `from_seq` or later.
async fn following(reader: &Arc<dyn Reader>, from_seq: u64) -> Answered<Option<u64>> {
    let filter = PacketFilter { from_seq, ..PacketFilter::default() };
    Ok(reader.packets(&filter, 1).await?.first().map(|packet| packet.seq))
}
