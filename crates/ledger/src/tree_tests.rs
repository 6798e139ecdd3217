use proptest::prelude::*;

use crate::*;

fn leaves(count: u64) -> Vec<Hash> {
    (0..count).map(|n| leaf_hash(&n.to_be_bytes())).collect()
}

/// RFC 6962 §2.1 word for word.
fn mth(d: &[Hash]) -> Hash {
    match d {
        [] => empty_root(),
        [one] => *one,
        _ => {
            let k = d.len().next_power_of_two() / 2;
            node_hash(&mth(&d[..k]), &mth(&d[k..]))
        }
    }
}

/// RFC 6962 §2.1.1 word for word.
fn path(m: usize, d: &[Hash]) -> Vec<Hash> {
    if d.len() == 1 {
        return Vec::new();
    }
    let k = d.len().next_power_of_two() / 2;
    let (mut hashes, last) =
        if m < k { (path(m, &d[..k]), mth(&d[k..])) } else { (path(m - k, &d[k..]), mth(&d[..k])) };
    hashes.push(last);
    hashes
}

/// RFC 6962 §2.1.2 word for word.
fn subproof(m: usize, d: &[Hash], whole: bool) -> Vec<Hash> {
    if m == d.len() {
        return if whole { Vec::new() } else { vec![mth(d)] };
    }
    let k = d.len().next_power_of_two() / 2;
    let (mut hashes, last) = if m <= k {
        (subproof(m, &d[..k], whole), mth(&d[k..]))
    } else {
        (subproof(m - k, &d[k..], false), mth(&d[..k]))
    };
    hashes.push(last);
    hashes
}

/// Roots and proofs of the first eight trees of RFC 6962's reference implementation (certificate-transparency,
/// merkletree tests): the input that every implementation is checked with.
#[test]
fn known_roots() {
    let inputs: [&[u8]; 8] = [
        b"",
        b"\x00",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ];
    let roots = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    assert_eq!(hex::write(&empty_root()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    let mut tree = Frontier::new();
    for (input, root) in inputs.iter().zip(roots) {
        tree.push(leaf_hash(input));
        assert_eq!(hex::write(&tree.root()), root);
    }
}

#[test]
fn every_small_proof_is_the_one_of_the_rfc() {
    let all = leaves(70);
    let tree = Tree::from_leaves(all.iter().copied());
    for size in 1..=all.len() {
        let part = &all[..size];
        let root = mth(part);
        assert_eq!(tree.root_at(size as u64, all.as_slice()).expect("root"), root);
        for index in 0..size {
            let proof = tree.inclusion(index as u64, size as u64, all.as_slice()).expect("proof");
            assert_eq!(proof, path(index, part));
            verify_inclusion(&all[index], index as u64, size as u64, &proof, &root).expect("verifies");
        }
        for from in 1..=size {
            let proof = tree.consistency(from as u64, size as u64, all.as_slice()).expect("proof");
            assert_eq!(proof, subproof(from, part, true));
            verify_consistency(from as u64, &mth(&part[..from]), size as u64, &root, &proof).expect("verifies");
        }
    }
}

#[test]
fn what_a_tree_does_not_hold_is_refused() {
    let all = leaves(3);
    let tree = Tree::from_leaves(all.iter().copied());
    assert_eq!(tree.inclusion(3, 3, all.as_slice()), Err(ProofFault::OutOfRange { index: 3, size: 3 }));
    assert_eq!(tree.inclusion(0, 4, all.as_slice()), Err(ProofFault::NotYet { size: 4, held: 3 }));
    assert_eq!(tree.consistency(3, 2, all.as_slice()), Err(ProofFault::Shrinks { from: 3, to: 2 }));
    assert_eq!(verify_inclusion(&all[0], 3, 3, &[], &all[0]), Err(ProofFault::OutOfRange { index: 3, size: 3 }));
    let big = Tree::from_leaves(leaves(600));
    assert_eq!(big.inclusion(0, 600, &Runs::default()), Err(ProofFault::LeavesMissing { from: 1, to: 2 }));
}

#[test]
fn the_empty_tree_is_continued_by_every_tree() {
    let all = leaves(5);
    let tree = Tree::from_leaves(all.iter().copied());
    assert_eq!(tree.consistency(0, 5, all.as_slice()), Ok(Vec::new()));
    assert_eq!(verify_consistency(0, &empty_root(), 5, &tree.root(), &[]), Ok(()));
    assert_eq!(verify_consistency(0, &all[0], 5, &tree.root(), &[]), Err(ProofFault::Root));
    assert_eq!(Tree::new().root_at(0, all.as_slice()), Ok(empty_root()));
}

#[test]
fn a_frontier_goes_on_where_it_stopped() {
    let all = leaves(300);
    let mut first = Frontier::from_leaves(all[..137].iter().copied());
    let mut second = Frontier::resume(first.size(), first.peaks().to_vec()).expect("its own peaks");
    for leaf in &all[137..] {
        assert_eq!(first.push(*leaf), second.push(*leaf));
    }
    assert_eq!(second.root(), mth(&all));
    assert_eq!(Frontier::resume(3, vec![all[0]]), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn large_trees_prove_with_the_runs_they_ask_for(size in 1u64..3000, held in 0u64..600, at in any::<prop::sample::Index>(), old in any::<prop::sample::Index>()) {
        let all = leaves(size + held);
        let tree = Tree::from_leaves(all.iter().copied());
        let (index, from) = (at.index(size as usize) as u64, old.index(size as usize) as u64 + 1);
        let read = |ranges: Vec<std::ops::Range<u64>>| {
            assert!(ranges.len() <= 3, "{ranges:?}");
            let mut runs = Runs::default();
            for range in ranges {
                runs.add(range.start, all[range.start as usize..range.end as usize].to_vec());
            }
            runs
        };
        let part = &all[..size as usize];
        let inclusion = tree.inclusion(index, size, &read(tree.wanted_for_inclusion(index, size).expect("plan"))).expect("proof");
        prop_assert_eq!(&inclusion, &path(index as usize, part));
        let consistency = tree.consistency(from, size, &read(tree.wanted_for_consistency(from, size).expect("plan"))).expect("proof");
        prop_assert_eq!(&consistency, &subproof(from as usize, part, true));
        let root = tree.root_at(size, &read(tree.wanted_for_root(size).expect("plan"))).expect("root");
        prop_assert_eq!(root, mth(part));
    }

    #[test]
    fn an_altered_proof_fails(size in 1u64..700, at in any::<prop::sample::Index>(), old in any::<prop::sample::Index>(), which in any::<prop::sample::Index>(), bit in 0usize..256, how in 0..5) {
        let all = leaves(size);
        let tree = Tree::from_leaves(all.iter().copied());
        let (index, from) = (at.index(size as usize) as u64, old.index(size as usize) as u64 + 1);
        let flip = |hash: &mut Hash| hash[bit / 8] ^= 1 << (bit % 8);
        let root = tree.root();

        let mut path = tree.inclusion(index, size, all.as_slice()).expect("proof");
        let (mut leaf, mut place, mut top) = (all[index as usize], index, root);
        match how {
            0 if !path.is_empty() => { let n = which.index(path.len()); flip(&mut path[n]) }
            1 if !path.is_empty() => { path.remove(which.index(path.len())); }
            2 => path.insert(which.index(path.len() + 1), root),
            3 => flip(&mut leaf),
            4 if size > 1 => place = (index + 1) % size,
            _ => flip(&mut top),
        }
        prop_assert!(verify_inclusion(&leaf, place, size, &path, &top).is_err());

        let mut path = tree.consistency(from, size, all.as_slice()).expect("proof");
        let (mut before, mut after) = (tree.root_at(from, all.as_slice()).expect("root"), root);
        match how {
            0 if !path.is_empty() => { let n = which.index(path.len()); flip(&mut path[n]) }
            1 if !path.is_empty() => { path.remove(which.index(path.len())); }
            2 => path.insert(which.index(path.len() + 1), root),
            3 => flip(&mut before),
            _ => flip(&mut after),
        }
        prop_assert!(verify_consistency(from, &before, size, &after, &path).is_err());
    }

    #[test]
    fn any_proof_is_answered(size in any::<u64>(), index in any::<u64>(), from in any::<u64>(), count in 0usize..70) {
        let path = vec![[7; 32]; count];
        prop_assert!(verify_inclusion(&[1; 32], index, size, &path, &[2; 32]).is_err());
        prop_assert!(verify_consistency(from, &[1; 32], size, &[2; 32], &path).is_err());
    }
}
