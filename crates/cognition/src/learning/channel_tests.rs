use omniva_contracts::engine::{LearningStep, Lesson};
use omniva_contracts::fault::Code;

use super::audience::*;
use super::*;
use crate::calendar::Windows;
use crate::calendar::dice::Dice;
use crate::zone::Zone;

const SEEDS: u64 = 24;

fn plan(days: usize, every: Option<usize>) -> Plan {
    Plan { days, every, change: None, keep_steps: false }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

fn thirds(regret: &[f64]) -> (f64, f64) {
    let third = regret.len() / 3;
    (mean(&regret[..third]), mean(&regret[regret.len() - third..]))
}

fn step(before: Option<&ChannelModel>, outcomes: &Outcomes, day: usize, roll: u64) -> ChannelStep {
    learn(before, outcomes, &WindowRules::default(), &DriftRules::default(), at(day, 0, 0), roll).unwrap()
}

/// Posts of a channel that never learnt, at all hours.
fn history(seed: u64, audience: &Audience, days: usize) -> Vec<Outcome> {
    live(seed, audience, &plan(days, None)).outcomes
}

#[test]
fn regret_against_the_best_fixed_times_falls() {
    let (mut early, mut late, mut blind, mut better) = (0.0, 0.0, 0.0, 0);
    for seed in 0..SEEDS {
        let audience = Audience::new(seed);
        let learner = live(seed, &audience, &plan(180, Some(4)));
        let (first, last) = thirds(&learner.regret);
        let uniform = thirds(&live(seed, &audience, &plan(180, None)).regret).1;
        (early, late, blind) = (early + first, late + last, blind + uniform);
        better += usize::from(last < first && last < uniform);
    }
    let [early, late, blind] = [early, late, blind].map(|sum| sum / SEEDS as f64);
    println!("regret: first third {early:.3}, last third {late:.3}, uniform {blind:.3}; better in {better} of {SEEDS}");
    assert!(late < 0.5 * early, "first third {early:.3}, last third {late:.3}");
    assert!(late < 0.4 * blind, "last third {late:.3}, uniform {blind:.3}");
    assert!(better * 10 >= SEEDS as usize * 9, "better in {better} of {SEEDS}");
}

#[test]
fn a_changed_audience_is_noticed_and_a_steady_one_left_alone() {
    let (mut delays, mut missed, mut false_alarms, mut watched) = (Vec::new(), 0, 0, 0);
    for seed in 100..116 {
        let audience = Audience::new(seed);
        let change = Some((120, audience.moved(10, -0.7)));
        let life = live(seed, &audience, &Plan { change, ..plan(180, Some(2)) });
        let changed = 120 * POSTS_A_DAY;
        false_alarms += life.alarms.iter().filter(|n| **n <= changed).count();
        watched += changed;
        match life.alarms.iter().find(|n| **n > changed) {
            Some(n) => delays.push(n - changed),
            None => missed += 1,
        }
    }
    delays.sort_unstable();
    let middle = delays[delays.len() / 2];
    println!(
        "noticed after {delays:?} posts (with figures 3 days late), missed {missed}; {false_alarms} false in {watched}"
    );
    assert_eq!(missed, 0);
    assert!(middle <= 24 && delays[delays.len() - 1] <= 50, "{delays:?}");
    assert!(false_alarms * 1_000 <= watched * 2, "{false_alarms} false alarms in {watched} posts");
}

#[test]
fn after_a_change_it_learns_the_new_hours() {
    let (mut before, mut hit, mut after) = (0.0, 0.0, 0.0);
    for seed in 200..200 + SEEDS / 3 {
        let audience = Audience::new(seed);
        let change = Some((120, audience.moved(10, -0.7)));
        let life = live(seed, &audience, &Plan { change, ..plan(300, Some(4)) });
        let part = |from: usize, to: usize| mean(&life.regret[from * POSTS_A_DAY..to * POSTS_A_DAY]);
        (before, hit, after) = (before + part(90, 120), hit + part(120, 135), after + part(240, 300));
    }
    println!("regret before {before:.3}, after the change {hit:.3}, later {after:.3} (sums)");
    assert!(hit > 1.5 * before && after < 0.6 * hit, "{before:.3} {hit:.3} {after:.3}");
}

#[test]
fn no_weight_moves_by_more_than_its_bound() {
    let audience = Audience::new(7);
    let change = Some((90, audience.moved(8, 0.5)));
    let life = live(7, &audience, &Plan { change, keep_steps: true, ..plan(150, Some(3)) });
    let max_step = WindowRules::default().max_step;
    let (mut before, mut moved) = (vec![1.0; Windows::HOURS], 0);
    for step in &life.steps {
        let now = &step.model.windows;
        let far = now.weights.iter().zip(&before).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(far <= max_step + 2e-6, "{far}");
        assert!(now.weights.iter().all(|w| (0.0..=1.0).contains(w)));
        moved += usize::from(far > 0.0);
        let record = &step.records[0];
        assert!(record.version_after >= record.version_before);
        assert_eq!(record.version_after > record.version_before, far > 0.0 || now.on);
        before.clone_from(&now.weights);
    }
    assert!(moved > 20, "{moved}");
}

#[test]
fn the_same_inputs_give_the_same_bytes_and_another_roll_another_turn() {
    let outcomes = gathered(&history(3, &Audience::new(3), 60), at(60, 0, 0));
    let text = |roll: u64| {
        let made = step(None, &outcomes, 60, roll);
        let records: Vec<&LearningStep> = made.records.iter().collect();
        serde_json::to_string(&(&made.model, records)).unwrap()
    };
    assert_eq!(text(5), text(5));
    let (one, two) = (step(None, &outcomes, 60, 5).model.windows, step(None, &outcomes, 60, 6).model.windows);
    assert_ne!(one.weights, two.weights, "the roll decides what is tried");
    assert_eq!(one.effects, two.effects, "and not what is known");
    assert_ne!(one.learnt_from.hash, two.learnt_from.hash);
    // What was kept is read back as it was.
    let kept: WindowModel = serde_json::from_str(&serde_json::to_string(&one).unwrap()).unwrap();
    assert_eq!(kept, one);
}

#[test]
fn with_too_little_it_is_off_and_says_what_is_missing() {
    let posts = history(4, &Audience::new(4), 60);
    let few = gathered(&posts[..20], at(60, 0, 0));
    let made = step(None, &few, 60, 1);
    assert_eq!(made.model, ChannelModel::unlearnt("youtube/main"));
    assert_eq!(made.model.windows.windows(), Windows::even());
    let record = &made.records[0];
    assert!(!record.on && record.lesson == Lesson::Windows && record.changes.is_empty());
    assert_eq!((record.version_before, record.version_after), (0, 0));
    assert_eq!(
        record.why_off,
        [
            "20 posts have engaged views at the age of 72 hours, 30 are needed: 10 more",
            "they span 8.8 days, 14 are needed"
        ]
        .map(str::to_owned)
    );
    assert!(forecast(&made.model.windows, at(61, 8, 0), 8, 0.5).is_none());
    // Figures that are gone take what was learnt back, step by step.
    let on = step(None, &gathered(&posts, at(60, 0, 0)), 60, 1).model;
    assert!(on.windows.on);
    let mut off = step(Some(&on), &few, 61, 1).model;
    assert!(!off.windows.on && off.windows.version == on.windows.version + 1);
    for day in 62..70 {
        off = step(Some(&off), &few, day, 1).model;
    }
    assert_eq!(off.windows.windows(), Windows::even());
}

#[test]
fn learning_the_same_twice_does_not_count_it_twice() {
    let outcomes = gathered(&history(5, &Audience::new(5), 60), at(60, 0, 0));
    let once = step(None, &outcomes, 60, 1);
    let twice = step(Some(&once.model), &outcomes, 60, 1);
    assert_eq!(twice.model.windows.effects, once.model.windows.effects);
    assert_eq!((twice.records.len(), &twice.model.drift), (1, &once.model.drift), "no post is watched twice");
}

#[test]
fn few_posts_are_shrunk_and_neighbours_learn_together() {
    let mut posts = history(6, &Audience::new(6), 45);
    for post in &mut posts {
        // Flat but for one hour that was lucky once, and one that is good always.
        post.log = 6.0 + 0.1 * ((post.slot % 5) as f64 - 2.0);
    }
    posts[10].log = 8.5;
    let lucky = posts[10].slot;
    let flat = step(None, &gathered(&posts, at(60, 0, 0)), 60, 1).model.windows;
    assert!(flat.effects[lucky] < 0.6, "one lucky post of e^2.5 is worth {}", flat.effects[lucky]);
    for post in posts.iter_mut().filter(|p| p.slot % 24 == 18) {
        post.log = 7.5;
    }
    let good = step(None, &gathered(&posts, at(60, 0, 0)), 60, 1).model.windows;
    let (top, near, far) = (good.hours[18], good.hours[19], good.hours[9]);
    assert!(top > 0.3 && near > far + 0.1 && top > near, "{top} {near} {far}");
    assert!(good.spread.iter().all(|s| *s > 0.0 && *s < 0.5));
}

#[test]
fn forecasts_hold_what_they_promise() {
    let (mut inside, mut all, mut errors) = (0, 0, Vec::new());
    for seed in 300..300 + SEEDS {
        let audience = Audience::new(seed);
        let posts = history(seed, &audience, 120);
        let (learnt, later) = posts.split_at(180);
        let model = step(None, &gathered(learnt, at(93, 0, 0)), 93, 1).model.windows;
        for post in later {
            let said = forecast(&model, post.published_at, post.slot, post.score).unwrap();
            let count = post.log.exp_m1();
            inside += usize::from((said.low..=said.high).contains(&count));
            all += 1;
            let truth = audience.level + audience.effect(post.slot) + audience.slope * (post.score - 0.5);
            errors.push((said.log - truth).powi(2));
        }
    }
    let (share, error) = (inside as f64 / all as f64, mean(&errors).sqrt());
    println!("the 80 % interval held {:.1} % of {all} posts; error of the middle {error:.3}", share * 100.0);
    assert!((0.76..=0.85).contains(&share), "{share}");
    assert!(error < 0.25, "{error}");
}

#[test]
fn an_alarm_is_explained_by_its_posts() {
    let audience = Audience::new(8);
    let change = Some((60, audience.moved(10, -1.0)));
    let life = live(8, &audience, &Plan { change, keep_steps: true, ..plan(90, Some(2)) });
    let alarmed = life.steps.iter().find(|s| s.alarm.is_some()).expect("an alarm");
    let alarm = alarmed.alarm.as_ref().unwrap();
    let report = alarmed.records.iter().find(|r| r.lesson == Lesson::Drift).expect("a record");
    assert!(report.narrative[0].contains("less than forecast") && alarm.factor < 0.6, "{report:?}");
    assert!(!report.posts.is_empty());
    assert_eq!(alarmed.model.changed_at, Some(alarm.since));
    assert!((at(50, 0, 0)..at(66, 0, 0)).contains(&alarm.since), "{}", alarm.since);
    assert_eq!(alarmed.model.drift, DriftState::default());
    assert!(alarmed.records[0].narrative.iter().any(|line| line.contains("count little")));
}

#[test]
fn what_can_not_be_is_refused() {
    let outcomes = gathered(&history(9, &Audience::new(9), 30), at(40, 0, 0));
    let (windows, drift) = (WindowRules::default(), DriftRules::default());
    let refused =
        |o: &Outcomes, w: &WindowRules, d: &DriftRules| learn(None, o, w, d, at(40, 0, 0), 1).unwrap_err().code;
    let mut bad = outcomes.clone();
    bad.outcomes[0].slot = 168;
    assert_eq!(refused(&bad, &windows, &drift), Code::InputCorrupt);
    bad.outcomes[0] = Outcome { log: f64::NAN, ..outcomes.outcomes[0].clone() };
    assert_eq!(refused(&bad, &windows, &drift), Code::InputCorrupt);
    let wild = WindowRules { max_step: 2.0, noise: f64::NAN, min_posts: 1, ..windows.clone() };
    assert_eq!(refused(&outcomes, &wild, &drift), Code::ConfigInvalid);
    assert_eq!(refused(&outcomes, &windows, &DriftRules { slack: 9.0, limit: 7.0 }), Code::ConfigInvalid);
    // A model of another channel, or a broken one, is as none.
    let mut broken = ChannelModel::unlearnt("youtube/main");
    broken.windows.weights.pop();
    for other in [ChannelModel::unlearnt("tiktok/main"), broken] {
        let made = learn(Some(&other), &outcomes, &windows, &drift, at(40, 0, 0), 1).unwrap();
        assert_eq!(
            made.model.windows,
            learn(None, &outcomes, &windows, &drift, at(40, 0, 0), 1).unwrap().model.windows
        );
    }
}

#[test]
fn the_calendar_takes_the_learnt_hours() {
    use crate::calendar::{plan, sample};
    let audience = Audience { hours: (0..24).map(|h| if h == 20 { 1.0 } else { 0.0 }).collect(), ..Audience::new(1) };
    let posts = history(11, &Audience { days: vec![0.0; 7], noise: 0.2, ..audience }, 120);
    let mut model = None;
    for day in 123..133 {
        let rules = WindowRules { explore: 0.0, ..WindowRules::default() };
        let known = gathered(&posts, at(day, 0, 0));
        model = Some(learn(model.as_ref(), &known, &rules, &DriftRules::default(), at(day, 0, 0), 1).unwrap().model);
    }
    let mut request = sample::request(&sample::Shape {
        seed: 1,
        now: at(140, 0, 0),
        clips: 1,
        channels: 1,
        projects: 1,
        days: 3,
        step_minutes: 60,
        choices: 1,
        zones: vec![Zone::utc()],
        bounded: 0.0,
    });
    request.channels[0].windows = model.unwrap().windows.windows();
    request.channels[0].quiet.clear();
    let placed = plan(&request).unwrap().placed;
    let local = request.channels[0].zone.local(placed[0].entry.at);
    assert_eq!(local.minute / 60, 20);
}

#[test]
fn votes_are_judged_by_what_hour_and_channel_do_not_explain() {
    use omniva_contracts::config::Persona;
    let mut posts = history(12, &Audience::new(12), 120);
    let mut dice = Dice::new(12);
    for post in &mut posts {
        // One knows the clip, one votes for the evening, whatever the clip.
        let evening = if post.slot % 24 >= 17 { 0.9 } else { 0.1 };
        let votes = [("clip", post.score), ("dice", dice.share()), ("evening", evening)];
        post.votes = votes.map(|(name, vote)| (name.to_owned(), vote)).into();
    }
    let outcomes = gathered(&posts, at(123, 0, 0));
    assert_eq!(judged(&WindowModel::unlearnt("youtube/main"), &outcomes), []);
    let model = step(None, &outcomes, 123, 1).model.windows;
    let seen = judged(&model, &outcomes);
    assert_eq!(seen.len(), outcomes.outcomes.len());
    let persona = |name: &str| Persona {
        name: name.into(),
        cares_about: String::new(),
        weight: 1.0,
        looks_at: Vec::new(),
        veto_below: 0.0,
    };
    let personas = ["clip", "dice", "evening"].map(persona);
    let learnt = weigh(None, &personas, &seen, &PersonaRules::default(), at(123, 0, 0)).unwrap();
    let skill = &learnt.model.skill;
    assert!(skill["clip"] > 0.15 && skill["dice"].abs() < 0.12 && skill["evening"].abs() < 0.12, "{skill:?}");
    assert_eq!(learnt.record.posts.len(), seen.len());
    // Of another measure nothing can be said.
    assert_eq!(judged(&model, &Outcomes { measure: Measure::Views, ..outcomes }), []);
}

/// Dice of a normal distribution are what the forecasts rest on.
#[test]
fn normal_dice_are_normal() {
    let mut dice = Dice::new(1);
    let drawn: Vec<f64> = (0..20_000).map(|_| windows::normal(&mut dice)).collect();
    let square = mean(&drawn.iter().map(|x| x * x).collect::<Vec<_>>());
    assert!(mean(&drawn).abs() < 0.03 && (square - 1.0).abs() < 0.05);
}
