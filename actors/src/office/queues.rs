//! Queues: paused, resumed, drained, scaled.

use omniva_contracts::engine::*;
use serde_json::json;

use super::check::Faults;
use super::desk::{Deed, Desk, OrRefuse};
use super::plan::Done;
use super::{QueueCommand, Refusal};
pub(super) use crate::kit::queue_entity as entity;

/// Jobs of one kind at the same time, at most.
const MOST: u32 = 256;

pub(super) async fn control(desk: &mut Desk<'_>, queue: JobKind, command: &QueueCommand, reason: &str) -> Done {
    let mut faults = Faults::default();
    faults.reason(reason);
    if let QueueCommand::Scale(limit) = command {
        faults.unless((1..=MOST).contains(limit), "limit", "must be 1 to 256");
    }
    faults.verdict()?;
    let known = desk.reader.queues().await.or_refuse()?;
    let old = known.into_iter().find(|q| q.queue == queue);
    let mut control = old.unwrap_or_else(|| QueueControl {
        queue,
        mode: QueueMode::Running,
        limit: desk.config.queue(queue).limit,
        intake: 1.0,
        reason: String::new(),
        version: 0,
    });
    let (kind, order, rollback) = changed(&mut control, command)?;
    control.reason = reason.to_owned();
    control.version += 1;
    let before = desk.last_of(&entity(queue)).await?;
    let body = json!({ "queue": queue, "mode": control.mode, "limit": control.limit, "reason": reason });
    let packet = desk.record(Deed::new(kind, entity(queue), None, body).after(before));
    desk.directive(order, reason, &rollback, packet);
    let data = json!({
        "queue": queue, "mode": control.mode, "limit": control.limit, "intake": control.intake,
        "reason": control.reason, "requested_at": desk.now,
    });
    desk.rows.push(Row::Queue(control));
    Ok((202, data, packet))
}

type Changed = (&'static str, Order, String);

fn changed(control: &mut QueueControl, command: &QueueCommand) -> Result<Changed, Refusal> {
    let queue = control.queue;
    let already = |code, word: &str| Err(Refusal::new(409, code, format!("queue {} is {word}", queue.as_str())));
    let (mode, limit) = (control.mode, control.limit);
    match command {
        QueueCommand::Pause if mode == QueueMode::Paused => already("ALREADY_PAUSED", "paused already"),
        QueueCommand::Pause => {
            control.mode = QueueMode::Paused;
            Ok(("queue.paused", Order::PauseQueue { queue }, "resume the queue".into()))
        }
        QueueCommand::Resume if mode == QueueMode::Running => already("ALREADY_RUNNING", "running already"),
        QueueCommand::Resume if mode == QueueMode::Quarantined => {
            control.mode = QueueMode::Running;
            Ok(("queue.released", Order::ReleaseWorker { queue }, "pause the queue".into()))
        }
        QueueCommand::Resume => {
            control.mode = QueueMode::Running;
            Ok(("queue.resumed", Order::ResumeQueue { queue }, "pause the queue".into()))
        }
        QueueCommand::Drain if mode == QueueMode::Draining => already("ALREADY_DRAINING", "draining already"),
        QueueCommand::Drain if mode != QueueMode::Running => already("ALREADY_PAUSED", "not running"),
        QueueCommand::Drain => {
            control.mode = QueueMode::Draining;
            Ok(("queue.draining", Order::DrainQueue { queue }, "resume the queue".into()))
        }
        QueueCommand::Scale(to) => {
            control.limit = *to;
            Ok(("queue.scaled", Order::ScaleQueue { queue, limit: *to }, format!("scale the queue to {limit}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn control(mode: QueueMode) -> QueueControl {
        QueueControl { queue: JobKind::Edit, mode, limit: 2, intake: 1.0, reason: String::new(), version: 3 }
    }

    #[test]
    fn what_is_so_already_is_refused() {
        let code = |mode, command: QueueCommand| changed(&mut control(mode), &command).map_err(|r| r.code).err();
        assert_eq!(code(QueueMode::Paused, QueueCommand::Pause), Some("ALREADY_PAUSED"));
        assert_eq!(code(QueueMode::Running, QueueCommand::Resume), Some("ALREADY_RUNNING"));
        assert_eq!(code(QueueMode::Draining, QueueCommand::Drain), Some("ALREADY_DRAINING"));
        assert_eq!(code(QueueMode::Paused, QueueCommand::Drain), Some("ALREADY_PAUSED"));
        assert_eq!(code(QueueMode::Running, QueueCommand::Pause), None);
    }

    #[test]
    fn resuming_a_quarantined_queue_releases_its_worker() {
        let mut queue = control(QueueMode::Quarantined);
        let (kind, order, _) = changed(&mut queue, &QueueCommand::Resume).expect("granted");
        assert_eq!((kind, order), ("queue.released", Order::ReleaseWorker { queue: JobKind::Edit }));
        assert_eq!(queue.mode, QueueMode::Running);
    }
}
