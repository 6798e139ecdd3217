use omniva_contracts::engine::{EntityRef, EntityType, Moment, PacketDraft};
use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{canonical, canonical_value};

fn text(value: &Value) -> String {
    String::from_utf8(canonical_value(value)).expect("UTF-8")
}

/// RFC 8785 §3.2.2.
#[test]
fn the_example_of_the_rfc() {
    let input = r#"{ "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/", "literals": [null, true, false] }"#;
    let expected = "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],\
        \"string\":\"€$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}";
    assert_eq!(text(&serde_json::from_str(input).expect("JSON")), expected);
}

/// RFC 8785 §3.2.3: UTF-16 order puts the surrogates of the emoji before U+FB33.
#[test]
fn keys_stand_in_utf16_order() {
    let input = r#"{ "\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew Letter Dalet With Dagesh", "1": "One",
        "\ud83d\ude00": "Emoji: Grinning Face", "\u0080": "Control", "\u00f6": "Latin Small Letter O With Diaeresis" }"#;
    let out = text(&serde_json::from_str(input).expect("JSON"));
    let order = ["Carriage Return", "One", "Control", "Latin", "Euro", "Emoji", "Hebrew"];
    let places: Vec<usize> = order.iter().map(|word| out.find(word).expect("there")).collect();
    assert!(places.is_sorted(), "{out}");
}

/// RFC 8785 appendix B, and -0.
#[test]
fn numbers_of_the_rfc() {
    for (bits, expected) in [
        (0x0000000000000000_u64, "0"),
        (0x8000000000000000, "0"),
        (0x0000000000000001, "5e-324"),
        (0x8000000000000001, "-5e-324"),
        (0x7fefffffffffffff, "1.7976931348623157e+308"),
        (0xffefffffffffffff, "-1.7976931348623157e+308"),
        (0x4340000000000000, "9007199254740992"),
        (0xc340000000000000, "-9007199254740992"),
        (0x4430000000000000, "295147905179352830000"),
        (0x44b52d02c7e14af5, "9.999999999999997e+22"),
        (0x44b52d02c7e14af6, "1e+23"),
        (0x44b52d02c7e14af7, "1.0000000000000001e+23"),
        (0x444b1ae4d6e2ef4e, "999999999999999700000"),
        (0x444b1ae4d6e2ef4f, "999999999999999900000"),
        (0x444b1ae4d6e2ef50, "1e+21"),
        (0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7"),
        (0x3eb0c6f7a0b5ed8d, "0.000001"),
        (0x41b3de4355555553, "333333333.3333332"),
        (0x41b3de4355555554, "333333333.33333325"),
        (0x41b3de4355555555, "333333333.3333333"),
        (0x41b3de4355555556, "333333333.3333334"),
        (0x41b3de4355555557, "333333333.33333343"),
        (0xbecbf647612f3696, "-0.0000033333333333333333"),
        (0x43143ff3c1cb0959, "1424953923781206.2"),
    ] {
        assert_eq!(text(&json!(f64::from_bits(bits))), expected);
    }
    assert_eq!(
        text(&json!([9007199254740991_i64, -1, u64::MAX, i64::MIN])),
        "[9007199254740991,-1,18446744073709552000,-9223372036854776000]"
    );
}

pub fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-(1_i64 << 53)..1 << 53).prop_map(Value::from),
        any::<f64>().prop_filter("finite", |x| x.is_finite()).prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(".{0,6}", inner, 0..4).prop_map(Value::from_iter),
        ]
    })
}

pub fn any_draft() -> impl Strategy<Value = PacketDraft> {
    let ids = (
        any::<u128>(),
        any::<u128>(),
        any::<u128>(),
        prop::option::of(any::<u128>()),
        prop::collection::vec(any::<u128>(), 0..4),
    );
    let words = ("[a-z]{1,8}\\.[a-z]{1,8}", ".{0,10}", 0i64..253_402_300_799_999_999);
    (ids, words, any_value(), prop::option::of(any_value()), 0..EntityType::ALL.len()).prop_map(
        |((a, b, c, project, parents), (kind, source, at), body, chain, which)| {
            let id = Uuid::from_u128;
            PacketDraft {
                stardust_id: id(a).into(),
                kind,
                entity: EntityRef::new(EntityType::ALL[which], id(b)),
                project_id: project.map(|p| id(p).into()),
                trace_id: id(c).into(),
                source,
                meta_parents: parents.into_iter().map(|p| id(p).into()).collect(),
                at: Moment(at),
                body,
                decision_chain: chain.filter(|chain| !chain.is_null()),
            }
        },
    )
}

proptest! {
    #[test]
    fn any_two_keys_stand_in_utf16_order(a in "[a-z\u{e000}-\u{ffff}\u{10000}-\u{10ffff}]{0,4}", b in "[a-z\u{e000}-\u{ffff}\u{10000}-\u{10ffff}]{0,4}") {
        prop_assume!(a != b);
        let out = text(&json!({ &a: 1, &b: 2 }));
        let first = if a.encode_utf16().lt(b.encode_utf16()) { ":1" } else { ":2" };
        let second = if first == ":1" { ":2" } else { ":1" };
        prop_assert!(out.find(first) < out.find(second), "{}", out);
    }

    #[test]
    fn the_fast_form_of_a_packet_is_the_general_one(draft in any_draft()) {
        let general = canonical_value(&serde_json::to_value(&draft).expect("serialises"));
        prop_assert_eq!(String::from_utf8(canonical(&draft)), String::from_utf8(general));
    }

    #[test]
    fn what_was_written_reads_back_and_writes_the_same(draft in any_draft()) {
        let bytes = canonical(&draft);
        let again: PacketDraft = serde_json::from_slice(&bytes).expect("reads");
        prop_assert_eq!(canonical(&again), bytes);
    }

    #[test]
    fn doubles_keep_their_value(bits in any::<u64>()) {
        let x = f64::from_bits(bits);
        prop_assume!(x.is_finite());
        let back: f64 = text(&json!(x)).parse().expect("a number");
        prop_assert!(back == x);
    }
}

#[test]
fn a_chain_of_null_is_no_chain() {
    let mut draft = PacketDraft {
        stardust_id: Uuid::from_u128(1).into(),
        kind: "a.b".into(),
        entity: EntityRef::new(EntityType::Clip, Uuid::from_u128(2)),
        project_id: None,
        trace_id: Uuid::from_u128(3).into(),
        source: "zenith".into(),
        meta_parents: Vec::new(),
        at: Moment(0),
        body: Value::Null,
        decision_chain: Some(Value::Null),
    };
    let with = canonical(&draft);
    draft.decision_chain = None;
    assert_eq!(with, canonical(&draft));
}
