//! Plans a large calendar and says how long it took: `cargo run --release -p omniva-cognition --example schedule_speed`.
//! Arguments: clips (1000), channels that each may choose from (1).

use std::time::Instant;

use omniva_cognition::calendar::plan;
use omniva_cognition::calendar::sample::{Shape, request};
use omniva_cognition::zone::Zone;
use omniva_contracts::engine::Moment;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let number = |n: usize, or: usize| std::env::args().nth(n).map_or(Ok(or), |text| text.parse());
    let (clips, choices) = (number(1, 1000)?, number(2, 1)?);
    let zones = ["Europe/Berlin", "America/New_York", "Asia/Tokyo"].map(Zone::named);
    let now = Moment::parse("2026-03-20T12:00:00Z").ok_or("a time")?;
    let shape = Shape {
        seed: 7,
        now,
        clips,
        channels: 10,
        projects: 5,
        days: 30,
        step_minutes: 15,
        choices,
        zones: zones.into_iter().collect::<Result<_, _>>()?,
        bounded: 0.2,
    };
    let request = request(&shape);
    let begun = Instant::now();
    let plan = plan(&request)?;
    let took = begun.elapsed();
    println!(
        "{clips} clips, 30 days, 10 channels, {choices} to choose from: {:.3} s, {} placed, {} not, score {}, {} looks",
        took.as_secs_f64(),
        plan.placed.len(),
        plan.unplaced.len(),
        plan.score,
        plan.looks
    );
    Ok(())
}
