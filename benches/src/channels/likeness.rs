//! Near-duplicates: how soon 100,000 prints say what a new video shares with them, and whether copies of real footage are
//! found without a false pair. The prints are drawn by the example `lookup` of omniva-likeness; the copies are made and
//! looked up by the test `likeness` of omniva-media.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::table::Table;
use crate::{Outcome, Place};

const PRINTS: &str = "100000";

/// What a command of cargo prints.
fn output(command: &mut Command) -> Outcome<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(format!("{command:?} ended with {}", output.status).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

fn cargo(task: &str) -> Command {
    let mut command = Command::new("cargo");
    command.args([task, "--release", "--locked", "--quiet"]);
    command
}

pub fn bench(place: &Place) -> Outcome<()> {
    let mut table = Table::default();
    let text = output(cargo("run").args(["-p", "omniva-likeness", "--example", "lookup", "--", PRINTS]))?;
    let drawn: Value = serde_json::from_str(text.lines().last().unwrap_or_default())?;
    let number = |name: &str| drawn[name].as_f64().ok_or_else(|| format!("no {name} in {drawn}"));
    for (what, name) in [("copies of what is there", "copies"), ("new videos", "new")] {
        let (median, p99) = (number(&format!("{name}_p50_ms"))?, number(&format!("{name}_p99_ms"))?);
        let busy = number(&format!("{name}_p99_busy_ms"))?;
        let figure = format!("p50 {median:.2} ms, p99 {p99:.2} ms ({busy:.2} ms of computing)");
        table.row(format!("look-up of {what}, {PRINTS} prints"), figure, "p99 ≤ 10 ms", Some(p99 <= 10.0));
    }
    let (missed, wrong) = (number("missed")?, number("wrong")?);
    table.row("drawn copies missed, false pairs", format!("{missed:.0} of 500, {wrong:.0}"), "0", Some(wrong == 0.0));
    let mut test = cargo("test");
    test.args([
        "-p",
        "omniva-media",
        "--test",
        "likeness",
        "--",
        "--nocapture",
        "every_copy_is_found_and_nothing_else",
    ]);
    let text = output(test.env("OMNIVA_LIKENESS_ALL", "1").env("OMNIVA_TEST_MEDIA", &place.media))?;
    let said = text.lines().find_map(|line| {
        let (copies, rest) = line.split_once(" copies: ")?;
        let (missed, rest) = rest.split_once(" missed, ")?;
        Some((copies.parse().ok()?, missed.parse().ok()?, rest.split_once(" false")?.0.parse::<u32>().ok()?))
    });
    let of_marked = text.lines().find_map(|line| {
        let (marked, rest) = line.split_once(" marked: ")?;
        Some((marked.parse().ok()?, rest.strip_suffix(" missed")?.parse().ok()?))
    });
    let (copies, missed, wrong): (u32, u32, u32) = said.ok_or("the test of copies said nothing")?;
    let (marked, missed_marked): (u32, u32) = of_marked.ok_or("the test of copies said nothing of marks")?;
    let found = |missed: u32, of: u32| {
        let share = f64::from(of - missed) / f64::from(of.max(1)) * 100.0;
        (format!("{} of {of}: {share:.1} %", of - missed), share)
    };
    let (figure, share) = found(missed - missed_marked, copies - marked);
    let what = "copies of real footage found: re-encoded, scaled, trimmed, mirrored, cropped, barred, levelled";
    table.row(what, figure, "≥ 99 %", Some(share >= 99.0));
    table.row("the same with a large mark over the picture", found(missed_marked, marked).0, "", None);
    table.row("false pairs", wrong.to_string(), "0", Some(wrong == 0));
    table.print("Near-duplicates");
    Ok(())
}
