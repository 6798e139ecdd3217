mod common;
use common::*;
use omniva_contracts::config::Config;

#[test]
fn smoke() {
    let mut script = vec![];
    for t in 0..3 {
        for k in 0..12 {
            script.push(said(
                t,
                t,
                if k == 0 { 1.5 } else { 0.3 },
                &format!("Sentence number {k} about subject {t} says something quite particular, does it?"),
            ));
        }
    }
    let a = analysis(&script);
    let c = omniva_cognition::choose(&a, &Config::load(None).unwrap());
    for x in &c.candidates {
        println!(
            "{} {:?} v{:.2} r{:.2} c{:.2} {:.4} {:?}",
            x.id, x.span, x.scores.virality, x.scores.relevance, x.consensus, x.rank_score, x.verdict
        );
    }
    assert!(!c.chosen.is_empty(), "{:?}", c.why_none);
}
