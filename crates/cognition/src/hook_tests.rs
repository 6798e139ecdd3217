use omniva_contracts::config::Config;

use crate::common::{analysis_in, said};
use crate::material::Material;

/// Hook of a sentence in the middle of a turn.
fn hook_in(language: &str, text: &str) -> f64 {
    let config = Config::load(None).expect("valid");
    let a = analysis_in(language, &[said(0, 0, 0.0, "Something came before this one."), said(0, 0, 0.3, text)]);
    Material::new(&a, &config).lines[1].hook
}

#[test]
fn after_a_wall_a_connective_costs_half() {
    let config = Config::load(None).expect("valid");
    let script = [said(0, 0, 0.0, "Something came before this one."), said(0, 1, 0.3, "And the garden was green.")];
    let a = analysis_in("en", &script);
    let first = Material::new(&a, &config).lines[1].hook;
    assert!((first - hook_in("en", "And the garden was green.") - 0.1).abs() < 1e-9);
}

/// Three strong openings, a plain one, a lame one, a greeting: by margins that a ranking feels.
#[test]
fn openings_are_ordered_as_an_editor_would() {
    let table = [
        "Why do most people never save a single dollar?",
        "The biggest lie about money is that rich people are careful with it.",
        "Nobody tells you that the hardest part comes after you win.",
        "The weather in the valley was mild for the season that year.",
        "And then we went on to the second part of the plan.",
        "Hello everyone and welcome back to another episode of the show.",
    ];
    let scores: Vec<f64> = table.iter().map(|t| hook_in("en", t)).collect();
    let (strong, weak) = scores.split_at(3);
    assert!(strong.iter().all(|s| s - weak[0] > 0.15) && weak[0] - weak[1] > 0.1 && weak[1] > weak[2], "{scores:?}");
    assert!(strong.iter().all(|s| (0.6..0.95).contains(s)), "strong openings still differ: {scores:?}");
}

#[test]
fn each_device_counts() {
    let plain = hook_in("en", "The garden behind the house was quiet and green.");
    for (better, what) in [
        ("The garden behind your house was quiet and green.", "second person"),
        ("Suddenly the garden behind the house was quiet and green.", "surprise"),
        ("The 12 gardens behind the house were quiet and green.", "a number"),
        ("Was the garden behind the house quiet and green?", "a question"),
        ("The truth behind the house was quiet and deadly dangerous.", "strong words"),
    ] {
        assert!(hook_in("en", better) > plain + 0.05, "{what}");
    }
    for (worse, what) in [
        ("Um, the garden behind the house was quiet and green.", "a filler"),
        ("So the garden behind the house was quiet and green.", "a connective"),
        ("As I said, the garden behind the house was quiet.", "a back reference"),
        ("Welcome to the garden behind the quiet green house.", "a greeting"),
    ] {
        assert!(hook_in("en", worse) < plain - 0.1, "{what}");
    }
}

#[test]
fn other_languages_have_lists_or_stay_in_the_middle() {
    assert!(hook_in("de", "Warum sagt dir niemand die Wahrheit?") > 0.7);
    assert!(hook_in("de", "Und dann gingen wir weiter zum nächsten Haus.") < 0.3);
    assert!(hook_in("fr", "Pourquoi personne ne dit la vérité ?") > 0.6);
    assert!(hook_in("es", "Hola y bienvenidos a este programa de cada semana.") < 0.2);
    let unknown = hook_in("fi", "Puutarha talon takana oli hiljainen ja vihreä.");
    assert!((0.3..=0.5).contains(&unknown), "{unknown}");
}
