//! What is left when a process dies in the middle, or the disk says no. The binary starts itself as that process.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod disks;
mod kills;

use std::panic::catch_unwind;
use std::process::ExitCode;

type Test = (&'static str, fn());

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.first().map(String::as_str) {
        Some("__write") => kills::keep_writing(args[1].as_ref()),
        Some("__publish") => kills::keep_publishing(args[1].as_ref(), args[2].as_ref()),
        Some("__cache") => kills::keep_caching(args[1].as_ref()),
        Some("__disks") => disks::on_small_disks(args[1].as_ref()),
        _ => run_tests(&args),
    }
}

fn run_tests(args: &[String]) -> ExitCode {
    let all: Vec<Test> = [kills::TESTS, disks::TESTS].concat();
    if args.iter().any(|arg| arg == "--list") {
        all.iter().for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    let wanted: Vec<&String> = args.iter().filter(|arg| !arg.starts_with('-')).collect();
    let (mut run, mut failed, total) = (0, 0, all.len());
    for (name, test) in all {
        if !wanted.is_empty() && !wanted.iter().any(|part| name.contains(part.as_str())) {
            continue;
        }
        run += 1;
        let passed = catch_unwind(test).is_ok();
        println!("test {name} ... {}", if passed { "ok" } else { "FAILED" });
        failed += u32::from(!passed);
    }
    println!("\ntest result: {run} run of {total}, {failed} failed");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
