//! A real child process in the real sandbox. The binary starts itself: as child (`__child`), as a parent that gets
//! killed (`__parent`) or behind a filter that takes a layer away (`__without LAYER`); otherwise it runs the tests, all
//! or those whose names contain an argument.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod acts;
mod confinement;
mod ends;
mod layers;
mod parents;
mod support;
mod unprivileged;

use std::panic::catch_unwind;
use std::process::ExitCode;

type Test = (&'static str, fn());

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.first().map(String::as_str) {
        Some("__child") => omniva_sandbox::child_main(acts::perform),
        Some("__parent") => parents::be_a_parent(&args),
        Some("__without") => layers::exec_without(&args),
        _ => run_tests(&args),
    }
}

fn run_tests(args: &[String]) -> ExitCode {
    let all: Vec<Test> = [confinement::TESTS, ends::TESTS, layers::TESTS, parents::TESTS, unprivileged::TESTS].concat();
    if args.iter().any(|arg| arg == "--list") {
        all.iter().for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    let wanted: Vec<&String> = args.iter().filter(|arg| !arg.starts_with('-')).collect();
    let mut failed = 0;
    let (mut run, total) = (0, all.len());
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
