//! The slots of each channel: times of its local day, with how good they are.

use omniva_contracts::engine::Moment;

use super::{Channel, Request};
use crate::zone::Wall;

/// Days after the horizon that a relaxation may look at.
pub(super) const BEYOND_DAYS: i64 = 7;

/// A time at which a channel may publish, as far as the clock goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    pub at: Moment,
    /// Local day.
    pub day: i64,
    /// Index into the weeks of the grid, from [`Grid::first_week`].
    pub week: usize,
    /// Points for a publication of full worth: posting window less delay.
    pub appeal: i64,
}

/// What a channel offers.
#[derive(Clone, Debug)]
pub(super) struct Lane {
    /// Within lead time, horizon and the loud hours; best first, then earliest.
    pub slots: Vec<Slot>,
}

#[derive(Clone, Debug)]
pub(super) struct Grid {
    pub lanes: Vec<Lane>,
    pub first_week: i64,
    pub weeks: usize,
}

impl Grid {
    pub(super) fn new(request: &Request) -> Self {
        let span = request.horizon_end();
        let grid = Self::empty(request);
        let lane = |channel: &Channel| {
            let mut slots: Vec<Slot> = times(request, channel, span)
                .filter(|at| *at >= request.earliest() && *at <= span && !quiet(channel, *at))
                .map(|at| grid.slot(request, channel, at))
                .collect();
            slots.sort_by_key(|s| (-s.appeal, s.at));
            Lane { slots }
        };
        Self { lanes: request.channels.iter().map(lane).collect(), ..grid }
    }

    /// Without slots, for questions about single moments.
    pub(super) fn empty(request: &Request) -> Self {
        // Zones differ by a bit more than a day.
        let first_week = crate::zone::Zone::utc().local(request.now).week() - 1;
        let weeks = usize::try_from(request.rules.horizon_days / 7 + 5).unwrap_or(5);
        Self { lanes: Vec::new(), first_week, weeks }
    }

    /// Any moment as a slot of a channel.
    pub(super) fn slot(&self, request: &Request, channel: &Channel, at: Moment) -> Slot {
        let local = channel.zone.local(at);
        let week = usize::try_from(local.week() - self.first_week).unwrap_or(0).min(self.weeks - 1);
        let today = channel.zone.local(request.now).day;
        let days = (local.day - today).clamp(0, i64::from(request.rules.horizon_days));
        let weights = &request.weights;
        let window = (channel.windows.weight(local.hour_of_week()) * weights.window as f64).round() as i64;
        let delay = weights.delay * days / i64::from(request.rules.horizon_days.max(1));
        Slot { at, day: local.day, week, appeal: window - delay }
    }
}

/// Every step of the local days from now to `end`, in order. A time that the clock jumps over is none; of one that comes
/// twice the first is taken.
pub(super) fn times<'a>(
    request: &'a Request,
    channel: &'a Channel,
    end: Moment,
) -> impl Iterator<Item = Moment> + use<'a> {
    let step = request.rules.step_minutes.max(1);
    let (first, last) = (channel.zone.local(request.now).day, channel.zone.local(end).day);
    let minutes = (0..1440).step_by(usize::try_from(step).unwrap_or(1));
    (first..=last).flat_map(move |day| minutes.clone().map(move |minute| (day, minute))).filter_map(
        move |(day, minute)| match channel.zone.at(day, minute) {
            Wall::Once(at) | Wall::Twice(at, _) => Some(at),
            Wall::Never(_) => None,
        },
    )
}

pub(super) fn quiet(channel: &Channel, at: Moment) -> bool {
    let minute = channel.zone.local(at).minute;
    channel.quiet.iter().any(|q| q.holds(minute))
}
