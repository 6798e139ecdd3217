//! Arrows between crates point one way (ARCHITECTURE.md), and crates that decide know nothing of the outside.

#![allow(clippy::expect_used)] // helpers of tests fail by panicking

use std::collections::BTreeMap;
use std::process::Command;

/// Layer of each crate: it may only use crates of lower layers.
const LAYERS: [(&str, u32); 21] = [
    ("omniva-contracts", 0),
    ("omniva-likeness", 0),
    ("omniva-cognition", 1),
    ("omniva-editing", 1),
    ("omniva-media", 1),
    ("omniva-perception", 1),
    ("omniva-sandbox", 1),
    ("omniva-assets", 1),
    ("omniva-report", 1),
    ("omniva-supervision", 1),
    ("omniva-ledger", 1),
    ("omniva-telemetry", 1),
    ("omniva-migrations", 1),
    ("omniva-vault", 1),
    ("omniva-stages", 2),
    ("omniva-platforms", 2),
    ("omniva-store", 2),
    ("omniva-actors", 3),
    ("omniva-api", 4),
    ("omniva", 5),
    // Nobody uses it.
    ("omniva-benches", 6),
];

fn packages() -> Vec<serde_json::Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .output()
        .expect("cargo runs");
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("cargo prints JSON");
    metadata["packages"].as_array().expect("packages").clone()
}

fn needs(package: &serde_json::Value) -> Vec<String> {
    let dependencies = package["dependencies"].as_array().expect("dependencies").iter();
    // kind is null for ordinary dependencies; tests and examples may reach further.
    dependencies.filter(|d| d["kind"].is_null()).filter_map(|d| d["name"].as_str().map(str::to_owned)).collect()
}

#[test]
fn no_crate_uses_one_of_its_own_layer_or_above() {
    let layers: BTreeMap<&str, u32> = LAYERS.into();
    let mut seen = 0;
    for package in packages() {
        let name = package["name"].as_str().expect("a name").to_owned();
        let Some(layer) = layers.get(name.as_str()) else { continue };
        seen += 1;
        for other in needs(&package).iter().filter_map(|n| layers.get_key_value(n.as_str())) {
            assert!(other.1 < layer, "{name} (layer {layer}) uses {} (layer {})", other.0, other.1);
        }
    }
    assert_eq!(seen, LAYERS.len(), "a crate of this table is missing from the workspace");
    let unknown: Vec<String> = packages()
        .iter()
        .filter_map(|p| p["name"].as_str().map(str::to_owned))
        .filter(|name| !layers.contains_key(name.as_str()) && name != "omniva-tests" && name != "omniva-emulators")
        .collect();
    assert!(unknown.is_empty(), "without a layer: {unknown:?}");
}

#[test]
fn deciding_crates_have_no_way_to_the_outside() {
    const OUTSIDE: [&str; 13] = [
        "tokio",
        "ractor",
        "futures",
        "sea-orm",
        "warp",
        "ureq",
        "ort",
        "ffmpeg-next",
        "libc",
        "tempfile",
        "rand",
        "time",
        "tracing",
    ];
    const DECIDING: [&str; 5] =
        ["omniva-contracts", "omniva-likeness", "omniva-cognition", "omniva-editing", "omniva-ledger"];
    let mut seen = 0;
    for package in packages() {
        let name = package["name"].as_str().expect("a name").to_owned();
        if DECIDING.contains(&name.as_str()) {
            seen += 1;
            let found: Vec<String> = needs(&package).into_iter().filter(|n| OUTSIDE.contains(&n.as_str())).collect();
            assert!(found.is_empty(), "{name} uses {found:?}");
        }
    }
    assert_eq!(seen, DECIDING.len());
}

#[test]
fn panics_unwind_so_that_one_part_can_fail_alone() {
    let manifest =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml")).expect("the workspace manifest");
    assert!(!manifest.contains("panic = \"abort\""));
}
