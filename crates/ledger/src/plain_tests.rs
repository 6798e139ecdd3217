use omniva_contracts::engine::{EntityRef, EntityType, Moment, PacketDraft};
use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::canonical::Out;
use crate::canonical_tests::{any_draft, any_value};
use crate::plain::plain;
use crate::{Columns, Content, Document, Entry, Examiner, canonical, canonical_value, examine, leaf_hash};

fn fast(text: &str) -> Option<Vec<u8>> {
    let mut out = Out::default();
    plain(text, &mut out).map(|()| out.bytes().to_vec())
}

fn slow(text: &str) -> Option<Vec<u8>> {
    serde_json::from_str::<Value>(text).ok().map(|value| canonical_value(&value))
}

/// In one pass, and as the general form has it.
fn same(text: &str) {
    assert!(fast(text).is_some(), "{text}");
    assert_eq!(fast(text), slow(text), "{text}");
}

#[test]
fn what_is_written_canonically_is_copied() {
    for text in [
        "null",
        "true",
        "[]",
        "{}",
        r#""""#,
        "0",
        "-1",
        "9007199254740991",
        "1760000000000000",
        "0.5",
        "-0.000001",
        "123456.789012345",
        r#"{"a":[1,{"b":"\\ \" \b\t\n\f\r \u0000\u001f"}],"b":null}"#,
        r#"{"é":"€","ü":false}"#,
    ] {
        same(text);
        assert_eq!(fast(text).as_deref(), Some(text.as_bytes()));
    }
}

#[test]
fn numbers_get_their_one_form() {
    for text in [
        "-0",
        "-0.0",
        "0.0",
        "1.0",
        "1.50",
        "1e3",
        "1E+2",
        "1e-7",
        "0.0000001",
        "0.00000012",
        "1e300",
        "1e21",
        "123e-20",
        "0.30000000000000004",
        "9007199254740992",
        "9007199254740993",
        "-9007199254740993",
        "18446744073709551615",
        "98765432109876543210",
        "1234567890123456789012",
        "5e-324",
        "0.1234567890123456789",
    ] {
        same(text);
        same(&format!("[{text},{text}]"));
    }
}

#[test]
fn what_is_written_in_another_way_is_left_to_the_general_form() {
    for text in [
        " 1",
        "1 ",
        "[1, 2]",
        r#"{"b":1,"a":2}"#,
        r#"{"a":1,"a":2}"#,
        r#""\/""#,
        r#""\u0041""#,
        r#""\u001F""#,
        r#""\u0009""#,
        r#""\ud83d\ude00""#,
        r#"{"\n":1}"#,
    ] {
        assert_eq!(fast(text), None, "{text}");
        assert!(slow(text).is_some(), "{text}");
    }
    let deep = |n: usize| "[".repeat(n) + &"]".repeat(n);
    same(&deep(100));
    assert_eq!(fast(&deep(101)), None);
}

#[test]
fn what_is_no_json_is_refused() {
    for text in [
        "",
        "nul",
        "tru",
        "01",
        "-",
        "1.",
        ".5",
        "1e",
        "1e+",
        "+1",
        "1e999",
        "[1,]",
        "[1",
        r#"{"a"}"#,
        r#"{"a":}"#,
        "{,}",
        r#""a"#,
        "\"\u{1}\"",
        r#""\x""#,
        r#""\u12"#,
        r#""\"#,
        "1 2",
        "[]]",
        r#"{"a":1,}"#,
        "NaN",
        "-Infinity",
    ] {
        assert_eq!(fast(text), None, "{text}");
        assert_eq!(slow(text), None, "{text}");
    }
}

fn columns<'a>(draft: &'a PacketDraft, body: &'a str, chain: Option<&'a str>) -> Columns<'a> {
    Columns {
        stardust_id: draft.stardust_id,
        kind: &draft.kind,
        entity: &draft.entity,
        project_id: draft.project_id,
        trace_id: draft.trace_id,
        source: &draft.source,
        meta_parents: &draft.meta_parents,
        at: draft.at,
        body: Document::Text(body),
        decision_chain: chain.map(Document::Text),
    }
}

#[test]
fn however_a_document_is_written_its_packet_is_the_same() {
    let draft = PacketDraft {
        stardust_id: Uuid::from_u128(1).into(),
        kind: "a.b".into(),
        entity: EntityRef::new(EntityType::Clip, Uuid::from_u128(2)),
        project_id: None,
        trace_id: Uuid::from_u128(3).into(),
        source: "zenith".into(),
        meta_parents: Vec::new(),
        at: Moment(0),
        body: json!({ "b": [1.0, 2], "a": "x" }),
        decision_chain: None,
    };
    let hash = leaf_hash(&canonical(&draft));
    let mut examiner = Examiner::default();
    let by_draft = examine(&Entry { seq: 3, content: Content::Draft(&draft), hash, links: None });
    let bodies = [r#"{"a":"x","b":[1.0,2]}"#, r#"{ "b": [1, 2.0], "a": "\u0078" }"#];
    // No chain and a chain of `null` are the same.
    for (body, chain) in bodies.into_iter().flat_map(|body| [None, Some("null"), Some(" null ")].map(|c| (body, c))) {
        let examined = examiner.examine(3, hash, &columns(&draft, body, chain));
        assert_eq!(examined.as_ref(), Some(&by_draft), "{body} {chain:?}");
    }
    let other = examiner.examine(3, hash, &columns(&draft, r#"{"a":"x","b":[1.0,3]}"#, None));
    assert_ne!(other, Some(by_draft));
    assert_eq!(examiner.examine(3, hash, &columns(&draft, "{", None)), None);
    assert_eq!(examiner.examine(3, hash, &columns(&draft, "{}", Some("["))), None);
}

/// What changes put in: all that has a meaning in JSON.
const BYTES: &[u8] = b"\"\\{}[]:,0123456789.eE+-u/bftn \x01a";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn a_value_as_serde_writes_it_takes_one_pass(value in any_value()) {
        let text = serde_json::to_string(&value).expect("serialises");
        if let Some(found) = fast(&text) {
            prop_assert_eq!(found, canonical_value(&value));
        } else {
            // Only keys are left to the general form: with escapes, or in the order of UTF-16 where that differs.
            prop_assert!(text.contains('\\') || text.bytes().any(|byte| byte >= 0xee), "{}", text);
        }
    }

    #[test]
    fn any_text_is_refused_or_has_the_general_form(
        value in any_value(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0..3u8, 0..BYTES.len()), 0..4),
    ) {
        let mut bytes = serde_json::to_vec(&value).expect("serialises");
        for (place, how, what) in changes {
            match how {
                _ if bytes.is_empty() => bytes.push(BYTES[what]),
                0 => {
                    let at = place.index(bytes.len());
                    bytes[at] = BYTES[what];
                }
                1 => bytes.insert(place.index(bytes.len()), BYTES[what]),
                _ => {
                    bytes.remove(place.index(bytes.len()));
                }
            }
        }
        if let Ok(text) = String::from_utf8(bytes)
            && let Some(found) = fast(&text)
        {
            prop_assert_eq!(Some(found), slow(&text), "{}", text);
        }
    }

    #[test]
    fn numbers_of_any_length_have_the_general_form(
        text in "-?(0|[1-9][0-9]{0,16})(\\.[0-9]{1,18})?([eE][+-]?[0-9]{1,3})?",
    ) {
        prop_assert_eq!(fast(&text), slow(&text), "{}", text);
    }

    #[test]
    fn columns_are_examined_as_drafts_are(draft in any_draft(), seq in any::<u64>(), other in any::<bool>()) {
        let hash = if other { [7; 32] } else { leaf_hash(&canonical(&draft)) };
        let body = serde_json::to_string(&draft.body).expect("serialises");
        let chain = draft.decision_chain.as_ref().map(|chain| serde_json::to_string(chain).expect("serialises"));
        let by_columns = Examiner::default().examine(seq, hash, &columns(&draft, &body, chain.as_deref()));
        let by_draft = examine(&Entry { seq, content: Content::Draft(&draft), hash, links: None });
        prop_assert_eq!(by_columns, Some(by_draft));
    }
}
