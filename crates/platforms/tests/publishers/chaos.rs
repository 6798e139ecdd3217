//! Deaths and faults by dice with a seed: no post is made twice, none is lost, and what nobody knows is said to be unknown.

use std::sync::atomic::Ordering;

use super::bench::End;
use super::youtube;

const DEATHS: f64 = 0.08;
const FAULTS: f64 = 0.25;

/// What a run of one platform has met.
#[derive(Debug, Default)]
pub struct Tally {
    pub deaths: u64,
    pub faults: u64,
    pub posted: u64,
    pub unconfirmed: u64,
}

fn on_youtube(seed: u64, uploads: u128) -> Tally {
    let mut tally = Tally::default();
    let stage = youtube::Stage::new();
    stage.server.state().forgets = 0.1;
    stage.server.state().hide = 2;
    stage.server.faults().random(seed, FAULTS);
    stage.bench.killer.random(seed ^ 0xabcd, DEATHS);
    for n in 0..uploads {
        let mut publication = stage.bench.publication(n, 700_000);
        publication.post.playlist = Some("PL".into());
        let posts = match stage.run(&publication) {
            End::Posted(receipt) => {
                let id = receipt.post.unwrap().id;
                let videos = stage.server.state().videos.clone();
                assert_eq!(videos.iter().filter(|v| v.id == id).count(), 1, "seed {seed}, upload {n}");
                tally.posted += 1;
                1..=1
            }
            End::Unconfirmed => {
                tally.unconfirmed += 1;
                0..=1
            }
            End::Refused(fault) => panic!("seed {seed}, upload {n}: {fault:?}"),
        };
        let there = stage.posts(&publication);
        assert!(posts.contains(&there), "seed {seed}, upload {n}: {there} posts");
    }
    // What is unconfirmed stays so when the storm is over, and sends nothing; what was posted is not sent again.
    stage.server.faults().calm();
    stage.bench.killer.calm();
    for n in 0..uploads {
        let mut publication = stage.bench.publication(n, 700_000);
        publication.post.playlist = Some("PL".into());
        let before = stage.posts(&publication);
        assert!(!matches!(stage.run(&publication), End::Refused(_)));
        assert_eq!(stage.posts(&publication), before, "seed {seed}, upload {n} was sent again");
    }
    tally.deaths = stage.bench.killer.kills.load(Ordering::Relaxed);
    tally.faults = stage.server.faults().met;
    tally
}

#[test]
fn youtube_under_deaths_and_faults() {
    let tally = on_youtube(1, 70);
    println!("youtube: {tally:?}");
    assert!(tally.deaths >= 150 && tally.faults >= 300, "{tally:?}");
    assert!(tally.posted > tally.unconfirmed * 4, "{tally:?}");
}
