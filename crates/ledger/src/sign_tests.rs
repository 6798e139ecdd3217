use omniva_contracts::engine::{Moment, Packet, ProofBundle};
use proptest::prelude::*;
use uuid::Uuid;

use crate::audit_tests::ledger;
use crate::*;

fn signer() -> Signer {
    Signer::from_secret(&[7; 32])
}

/// RFC 8032 §7.1, test 1.
#[test]
fn the_public_key_of_the_rfc() {
    let secret = hex::read("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60").expect("hex");
    let public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    assert_eq!(hex::write(Signer::from_secret(&secret).verifier().as_bytes()), public);
}

#[test]
fn key_files_read_back_and_are_not_taken_for_each_other() {
    let signer = signer();
    let (secret, public) = (signer.write(), signer.verifier().write());
    assert_eq!(Signer::read(&secret).expect("reads").verifier(), signer.verifier());
    assert_eq!(Verifier::read(&public), Ok(signer.verifier()));
    assert_eq!(Verifier::read(&secret), Err(KeyFault::PrivateGiven));
    assert_eq!(Signer::read(&public).err(), Some(KeyFault::PublicGiven));
    assert!(matches!(Verifier::read("-----BEGIN"), Err(KeyFault::Head { .. })));
    assert!(matches!(Verifier::read(""), Err(KeyFault::Head { .. })));
    let head = public.lines().next().expect("a line");
    for bad in ["", "zz", &"A".repeat(64), &"0".repeat(63)] {
        assert_eq!(Verifier::read(&format!("{head}\n{bad}\n")), Err(KeyFault::Digits), "{bad}");
    }
    assert_eq!(Verifier::read(&format!("{public}{public}")), Err(KeyFault::Digits));
    // y = 2 is on no point of the curve.
    assert_eq!(Verifier::read(&format!("{head}\n02{}\n", "0".repeat(62))), Err(KeyFault::Point));
    assert!(!secret.contains(&hex::write(signer.verifier().as_bytes())));
}

proptest! {
    #[test]
    fn any_change_of_a_checkpoint_breaks_it(size in any::<u64>(), root in any::<[u8; 32]>(), at in 0i64..1 << 50, what in 0..6, bit in 0usize..256) {
        let good = signer().sign(Uuid::from_u128(5), size, &root, Moment(at));
        let verifier = signer().verifier();
        prop_assert_eq!(verifier.verify(&good), Ok(root));
        let mut bad = good.clone();
        let flip = |text: &mut String| {
            let at = bit % text.len();
            let other = if &text[at..=at] == "0" { "1" } else { "0" };
            text.replace_range(at..=at, other);
        };
        match what {
            0 => bad.size ^= 1 << (bit % 64),
            1 => flip(&mut bad.root),
            2 => bad.at.0 += 1 + bit as i64,
            3 => flip(&mut bad.signature),
            4 => flip(&mut bad.key_id),
            _ => bad.origin = Uuid::from_u128(6),
        }
        prop_assert!(verifier.verify(&bad).is_err());
        prop_assert_eq!(Signer::from_secret(&[8; 32]).verifier().verify(&good), Err(SignatureFault::OtherKey));
        // Upper case would be a second form of the same signature.
        let upper = omniva_contracts::engine::Checkpoint { signature: good.signature.to_uppercase(), ..good.clone() };
        prop_assert!(upper.signature == good.signature || verifier.verify(&upper) == Err(SignatureFault::Form));
    }

    #[test]
    fn a_bundle_proves_its_packet_and_no_other(count in 1u64..60, at in any::<prop::sample::Index>(), how in 0..7) {
        let ledger = ledger(count, 3);
        let seq = at.index(count as usize);
        let leaves: Vec<Hash> = ledger.iter().map(|packet| packet.hash).collect();
        let tree = Tree::from_leaves(leaves.iter().copied());
        let checkpoint = signer().sign(Uuid::from_u128(5), count, &tree.root(), Moment(9));
        let path = tree.inclusion(seq as u64, count, leaves.as_slice()).expect("path");
        let good = bundle(ledger[seq].clone(), &path, checkpoint);
        let public = signer().verifier();
        prop_assert_eq!(verify_bundle(&good, &public), Ok(()));
        let text = serde_json::to_string(&good).expect("serialises");
        let read: ProofBundle = serde_json::from_str(&text).expect("reads");
        prop_assert_eq!(verify_bundle(&read, &public), Ok(()));

        let mut bad = good.clone();
        let code = match how {
            0 => { bad.packet.source.push('x'); "not_included" }
            1 => { bad.seq += 1; "not_included" }
            2 => { bad.path.push("0".repeat(64)); "not_included" }
            3 => { bad.checkpoint.size += 1; "signature" }
            4 => { bad.version = 2; "version" }
            5 => { bad.path.insert(0, "no".into()); "path" }
            _ => { bad.checkpoint.key_id = "0".repeat(16); "other_key" }
        };
        prop_assert_eq!(verify_bundle(&bad, &public).expect_err("altered").code(), code);
    }
}

#[test]
fn the_checkpoint_log_reads_back_and_tells_a_torn_line_from_a_bad_one() {
    let all: Vec<_> = (1..4).map(|n| signer().sign(Uuid::from_u128(5), n, &[1; 32], Moment(n as i64))).collect();
    let text: String = all.iter().map(write_checkpoint).collect();
    assert_eq!(read_checkpoints(&text), Ok(CheckpointLog { checkpoints: all.clone(), torn: false }));
    let cut = &text[..text.len() - 20];
    assert_eq!(read_checkpoints(cut), Ok(CheckpointLog { checkpoints: all[..2].to_vec(), torn: true }));
    assert_eq!(read_checkpoints(&text.replacen("origin", "orogin", 1)).expect_err("bad").line, 1);
    assert_eq!(read_checkpoints(""), Ok(CheckpointLog::default()));
}

#[test]
fn packets_of_the_test_ledger_carry_their_hash() {
    for Packet { hash, draft, .. } in ledger(5, 1) {
        assert_eq!(hash, leaf_hash(&canonical(&draft)));
    }
}
