use omniva_contracts::config::Weighted;
use uuid::Uuid;

use super::*;
use crate::calendar::dice::Dice;
use crate::learning::windows::normal;

const NAMES: [&str; 4] = ["knows", "guesses", "errs", "stubborn"];
const NOW: Moment = Moment(1_795_294_800_000_000);

fn personas() -> Vec<Persona> {
    let one = |(n, name): (usize, &&str)| Persona {
        name: (*name).to_owned(),
        cares_about: String::new(),
        weight: 0.8 + 0.2 * n as f64,
        looks_at: vec![Weighted { feature: "hook".into(), weight: 1.0 }],
        veto_below: 0.0,
    };
    NAMES.iter().enumerate().map(one).collect()
}

/// One persona's votes go with what comes of them, one's are dice, one's go the other way, one's never change.
fn posts(seed: u64, count: usize) -> Vec<Judged> {
    let mut dice = Dice::new(seed);
    let vote = |x: f64| crate::features::logistic(x, 1.0);
    let one = |n: usize| {
        let truth = normal(&mut dice);
        let votes =
            [vote(truth + normal(&mut dice)), vote(normal(&mut dice)), vote(-truth + 1.5 * normal(&mut dice)), 0.7];
        Judged {
            schedule_id: ScheduleId(Uuid::from_u128(n as u128)),
            published_at: Moment(NOW.0 - (count - n) as i64 * 43_200_000_000),
            votes: NAMES.iter().map(|n| (*n).to_owned()).zip(votes).collect(),
            surprise: (truth + 0.5 * normal(&mut dice)).clamp(-3.0, 3.0),
        }
    };
    (0..count).map(one).collect()
}

fn learnt(seed: u64, steps: usize) -> PersonaModel {
    let posts = posts(seed, 150);
    let mut model = None;
    for _ in 0..steps {
        model = Some(weigh(model.as_ref(), &personas(), &posts, &PersonaRules::default(), NOW).unwrap().model);
    }
    model.unwrap()
}

#[test]
fn who_was_right_counts_more_and_who_was_wrong_less() {
    for seed in 0..20 {
        let model = learnt(seed, 30);
        let f = |name: &str| model.factors[name];
        assert!(f("knows") > 1.5 && f("errs") < 0.7, "{:?}", model.factors);
        assert!(f("knows") > f("guesses") && f("guesses") > f("errs"));
        assert_eq!(model.skill["stubborn"], 0.0);
        let total = |p: &[Persona]| p.iter().map(|p| p.weight).sum::<f64>();
        assert!((total(&model.apply(&personas())) / total(&personas()) - 1.0).abs() < 0.1, "{:?}", model.factors);
    }
}

#[test]
fn the_councils_word_gets_better_on_posts_that_it_has_not_seen() {
    let goes_with = |personas: &[Persona], posts: &[Judged]| {
        let said = |p: &Judged| personas.iter().map(|w| w.weight * p.votes[&w.name]).sum::<f64>();
        let rows: Vec<(f64, f64)> = posts.iter().map(|p| (said(p), p.surprise)).collect();
        let n = rows.len() as f64;
        let (a, b) = (rows.iter().map(|r| r.0).sum::<f64>() / n, rows.iter().map(|r| r.1).sum::<f64>() / n);
        let sum = |f: &dyn Fn(&(f64, f64)) -> f64| rows.iter().map(f).sum::<f64>();
        sum(&|r| (r.0 - a) * (r.1 - b)) / (sum(&|r| (r.0 - a).powi(2)) * sum(&|r| (r.1 - b).powi(2))).sqrt()
    };
    let (mut before, mut after) = (0.0, 0.0);
    for seed in 0..20 {
        let later = posts(1_000 + seed, 400);
        before += goes_with(&personas(), &later) / 20.0;
        after += goes_with(&learnt(seed, 30).apply(&personas()), &later) / 20.0;
    }
    println!("the consensus went with what came of it by {before:.3}, after learning by {after:.3}");
    assert!(after > before + 0.2, "{before:.3} {after:.3}");
}

#[test]
fn steps_are_bounded_and_the_record_says_by_what() {
    let (posts, rules) = (posts(1, 150), PersonaRules::default());
    let (mut model, mut steps) = (PersonaModel::default(), 0);
    loop {
        let made = weigh(Some(&model), &personas(), &posts, &rules, NOW).unwrap();
        let ratio = |n: &str| (made.model.factor(n) / model.factor(n)).ln().abs();
        assert!(NAMES.iter().all(|n| ratio(n) <= rules.max_step.ln_1p() + 1e-5));
        assert_eq!(made.record.version_after, model.version + 1);
        if steps == 0 {
            let first = &made.record.changes[0];
            assert!(
                first.bound == "max_step" && made.record.narrative[2].contains("held to 15 %"),
                "{:?}",
                made.record
            );
        }
        let done = made.record.changes.iter().all(|c| c.bound != "max_step");
        model = made.model;
        steps += 1;
        if done {
            break;
        }
    }
    assert!((3..40).contains(&steps), "{steps}");
    let tight = PersonaRules { range: 1.1, ..rules };
    let made = weigh(Some(&model), &personas(), &posts, &tight, NOW).unwrap();
    assert!(made.record.changes.iter().all(|c| c.wanted / personas()[0].weight < 3.0));
    let mut model = made.model;
    for _ in 0..20 {
        model = weigh(Some(&model), &personas(), &posts, &tight, NOW).unwrap().model;
    }
    assert!(model.factors.values().all(|f| (1.0 / 1.1 - 1e-6..=1.1 + 1e-6).contains(f)), "{:?}", model.factors);
}

#[test]
fn off_until_there_is_enough_and_the_order_of_the_posts_is_nothing() {
    let few = posts(2, 59);
    let made = weigh(None, &personas(), &few, &PersonaRules::default(), NOW).unwrap();
    assert_eq!(made.record.why_off, ["59 posts have votes and figures, 60 are needed: 1 more"]);
    assert_eq!((made.model.version, made.record.on, made.model.apply(&personas())), (0, false, personas()));
    let mut many = posts(2, 100);
    let text = |posts: &[Judged]| {
        let made = weigh(None, &personas(), posts, &PersonaRules::default(), NOW).unwrap();
        serde_json::to_string(&(made.model, made.record)).unwrap()
    };
    let one = text(&many);
    many.reverse();
    assert_eq!(one, text(&many));
}

#[test]
fn what_is_no_number_is_refused() {
    let mut bad = posts(3, 80);
    bad[0].surprise = f64::INFINITY;
    let fault = weigh(None, &personas(), &bad, &PersonaRules::default(), NOW).unwrap_err();
    assert_eq!(fault.code, Code::InputCorrupt);
    let wild = PersonaRules { gain: f64::NAN, ..PersonaRules::default() };
    assert_eq!(weigh(None, &personas(), &[], &wild, NOW).unwrap_err().code, Code::ConfigInvalid);
}
