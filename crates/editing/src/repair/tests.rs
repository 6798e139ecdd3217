use omniva_contracts::geometry::Span;
use omniva_contracts::qc::{QcCheck, QcReport};
use uuid::Uuid;

use super::*;
use crate::fixtures::{analysis, candidate, config, fonts, speech};

fn planned() -> EditPlan {
    let a = analysis(6.0, speech(&[("Good", 0.1), ("morning", 0.1), ("everyone.", 0.0)], 1.0, 0.8));
    crate::plan(&a, &candidate(&a, Span::new(0.0, 6.0)), &config(), Uuid::nil(), &fonts()).expect("plans")
}

fn failing(name: &str) -> QcReport {
    let check = |name: &str, passed| QcCheck { name: name.into(), passed, measured: "x".into(), limit: "y".into() };
    QcReport {
        checks: vec![check("decodes", true), check(name, false)],
        bytes: 90_000_000,
        integrated_lufs: -17.25,
        true_peak_dbtp: -0.4,
        ..QcReport::default()
    }
}

#[test]
fn each_fault_has_its_remedy() {
    let plan = planned();
    let (_, knobs, what) = repair(&plan, &failing("loudness")).expect("repairs");
    assert_eq!((knobs.gain_db, knobs.ceiling_offset_db, what.len()), (3.25, 0.0, 1));
    let (_, knobs, _) = repair(&plan, &failing("true_peak")).expect("repairs");
    assert!((knobs.ceiling_offset_db - -0.9).abs() < 1e-9, "{knobs:?}");
    let (smaller, _, _) = repair(&plan, &failing("size")).expect("repairs");
    assert!(smaller.encode.crf > plan.encode.crf);
    let (shrunk, _, _) = repair(&plan, &failing("captions")).expect("repairs");
    let width = |p: &EditPlan| p.captions.as_ref().map_or(0.0, |c| c.pages[0].area.w);
    assert!((width(&shrunk) / width(&plan) - 0.85).abs() < 1e-9);
}

#[test]
fn what_a_second_try_cannot_mend_is_given_up() {
    let plan = planned();
    for name in ["decodes", "black", "frozen", "picture", "face_in_crop", "something_new"] {
        assert_eq!(repair(&plan, &failing(name)), None, "{name}");
    }
    assert_eq!(repair(&plan, &QcReport::default()), None, "nothing failed");
    let silent = QcReport { integrated_lufs: f64::NEG_INFINITY, ..failing("loudness") };
    assert_eq!(repair(&plan, &silent), None);
    let huge = QcReport { bytes: 900_000_000, ..failing("size") };
    assert_eq!(repair(&plan, &huge), None);
}
