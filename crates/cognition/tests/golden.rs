//! A whole decision as a table. `UPDATE_GOLDEN=1 cargo test -p omniva-cognition --test golden` writes it anew; read the
//! difference before you commit it: would a creator agree?

#![allow(clippy::expect_used, reason = "a helper of a test may fail it")]

mod common;

use std::fmt::Write as _;

use omniva_contracts::choice::{Choice, Verdict};
use omniva_contracts::config::Config;

fn table(choice: &Choice) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "windows {}  candidates {}  chosen {:?}",
        choice.windows_scanned,
        choice.candidates.len(),
        choice.chosen
    );
    for note in &choice.notes {
        let _ = writeln!(out, "note: {note}");
    }
    for c in &choice.candidates {
        let f = &c.features;
        let _ = writeln!(
            out,
            "\n{} {:.3}..{:.3} s{}..{} topic {:?} speakers {:?} [{}]\n  “{}”",
            c.id,
            c.span.start,
            c.span.end,
            c.first_sentence,
            c.end_sentence,
            c.topic,
            c.speakers,
            c.tags.join(", "),
            c.opening
        );
        let _ = writeln!(
            out,
            "  hook {:.2} alone {:.2} payoff {:.2} density {:.2} emotion {:.2} energy {:.2} faces {:.2} pace {:.2} keywords {:.2} \
             novelty {:.2} clarity {:.2} borders {:.2}",
            f.hook,
            f.stands_alone,
            f.payoff,
            f.density,
            f.emotion,
            f.energy,
            f.faces,
            f.pace,
            f.keywords,
            f.novelty,
            f.clarity,
            f.boundaries
        );
        let _ = writeln!(
            out,
            "  virality {:.3} relevance {:.3} consensus {:.3} dissent {:.3} lattice {:.3} horizon {:.3} rank score {:.6}",
            c.scores.virality,
            c.scores.relevance,
            c.consensus,
            c.dissent,
            c.lattice_priority,
            c.horizon_bias,
            c.rank_score
        );
        let _ = match &c.verdict {
            Verdict::Chosen { rank, reason } => writeln!(out, "  CHOSEN {rank}: {reason}"),
            Verdict::Rejected { by, code, reason, because_of } => {
                writeln!(out, "  rejected by {by:?}, {code}: {reason} {because_of:?}")
            }
        };
    }
    out
}

#[test]
fn the_show_is_decided_as_agreed() {
    let config =
        Config::load(Some(("test", "[clip]\ncount = 3\nmin_seconds = 12\nmax_seconds = 40\n"))).expect("valid");
    let now = table(&omniva_cognition::choose(&common::show_analysis(), &config));
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/show.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, &now).expect("the golden file can be written");
    }
    let agreed = std::fs::read_to_string(path).expect("tests/golden/show.txt (UPDATE_GOLDEN=1 writes it)");
    for (k, (a, b)) in agreed.lines().zip(now.lines()).enumerate() {
        assert_eq!(a, b, "line {} of {path} changed", k + 1);
    }
    assert_eq!(agreed.lines().count(), now.lines().count());
}
