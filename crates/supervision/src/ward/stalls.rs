//! Children whose messages wait while nothing gets on.

use std::time::Duration;

use tokio::time::Instant;

use super::{Life, Me, Ward};
use crate::mailbox::Letter;
use crate::supervisor::Order;
use crate::tree::Happening;

impl Ward {
    /// Looks for stalled children four times in the shortest span that one of them is given.
    pub(crate) fn look_out(&self, me: &Me) {
        let shortest = self.children.iter().filter_map(|c| c.spec.stalls_after).min();
        if let Some(span) = shortest.map(|s| (s / 4).max(Duration::from_millis(1))) {
            me.send_interval(span, || Letter::own(Order::Look));
        }
    }

    pub(crate) fn look(&mut self) {
        let (now, moment) = (Instant::now(), self.tree.now());
        for child in &mut self.children {
            let (Some(span), Life::Running(cell)) = (child.spec.stalls_after, &child.life) else { continue };
            let Some(progress) = child.node.owes_progress(moment) else {
                child.standstill = None;
                continue;
            };
            match child.standstill {
                Some((seen, since)) if seen == progress => {
                    let silent = now.duration_since(since);
                    if silent >= span {
                        child.standstill = None;
                        child.node.failed("messages waited and no progress came");
                        self.tree.tell(Happening::Stalled { name: child.spec.name.to_string(), silent });
                        cell.kill();
                    }
                }
                _ => child.standstill = Some((progress, now)),
            }
        }
    }
}
