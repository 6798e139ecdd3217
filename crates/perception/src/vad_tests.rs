use super::*;

#[test]
fn the_gate_opens_and_closes_with_hysteresis() {
    let mut gate = Gate::default();
    let mut got = Vec::new();
    let chunks = [(10, 0.1), (20, 0.9), (3, 0.1), (20, 0.4), (10, 0.1), (2, 0.9), (10, 0.1)];
    for p in chunks.iter().flat_map(|&(n, p)| std::iter::repeat_n(p, n)) {
        got.extend(gate.push(p, -30.0));
    }
    // The break of 3 chunks is too short to end speech; the burst of 2 chunks is too short to be speech.
    assert_eq!(got, [(10, 53)]);
    assert_eq!(gate.finish(), None);
}
