//! A month for ten channels, planned from nothing by the optimiser that the engine asks.

use std::time::Instant;

use omniva_cognition::calendar::plan;
use omniva_cognition::calendar::sample::{Shape, request};
use omniva_cognition::zone::Zone;
use omniva_contracts::engine::Moment;

use super::median;
use crate::Outcome;
use crate::table::Table;

const ROUNDS: usize = 5;

pub fn bench() -> Outcome<()> {
    let mut table = Table::default();
    for choices in [1, 3] {
        // Three days before Berlin's clocks change; New York's did change, Tokyo's never do.
        let zones = ["Europe/Berlin", "America/New_York", "Asia/Tokyo"].map(Zone::named);
        let shape = Shape {
            seed: 7,
            now: Moment::parse("2026-03-26T12:00:00Z").ok_or("a time")?,
            clips: 1000,
            channels: 10,
            projects: 5,
            days: 30,
            step_minutes: 15,
            choices,
            zones: zones.into_iter().collect::<Result<_, _>>()?,
            bounded: 0.2,
        };
        let request = request(&shape);
        let (mut times, mut placed) = (Vec::new(), 0);
        for _ in 0..ROUNDS {
            let begun = Instant::now();
            placed = plan(&request)?.placed.len();
            times.push(begun.elapsed().as_secs_f64());
        }
        let worst = times.iter().copied().fold(0.0, f64::max);
        let (what, figure) = (
            format!("each clip may go to {choices} of the channels, {placed} placed"),
            format!("{:.2} s, slowest {worst:.2} s", median(times)),
        );
        table.row(what, figure, "≤ 1 s", Some(worst <= 1.0));
    }
    table.print(&format!("Calendar of 1,000 clips, 30 days, 10 channels, median of {ROUNDS}"));
    Ok(())
}
