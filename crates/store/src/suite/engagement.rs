//! What posts achieved, and what was learnt from it.

use omniva_contracts::engine::*;
use serde_json::json;

use super::rows::*;
use super::{ALL, Store, of};
use crate::*;

pub(crate) fn sample(schedule: u128, minute: i64) -> SampleRow {
    SampleRow::new(EngagementSample {
        schedule_id: id(10, schedule),
        channel: if schedule < 10 { "youtube/main".into() } else { "tiktok/main".into() },
        post_id: format!("v{schedule}"),
        published_at: at(0),
        measured_at: at(minute * 60),
        source: EngagementSource::YoutubeData,
        views: 1 << 40,
        engaged_views: None,
        likes: Some(3),
        comments: None,
        shares: Some(0),
        watch_seconds: Some(0.1 + 0.2),
        average_view_percentage: None,
    })
}

pub(crate) fn model(name: &str) -> ModelRow {
    let step = LearningStep {
        lesson: Lesson::Windows,
        channel: name.to_owned(),
        version_before: 1,
        version_after: 2,
        on: true,
        why_off: vec![],
        learnt_from: LearntFrom { posts: 40, samples: 400, first: Some(at(0)), last: Some(at(9)), hash: "a".into() },
        posts: vec![],
        left_out: [("no figures yet".to_owned(), 3)].into(),
        changes: vec![],
        narrative: vec!["Learnt from 40 posts.".into()],
    };
    ModelRow {
        name: name.to_owned(),
        model: json!({ "weights": [0.25, 1.0] }),
        steps: vec![step],
        alarm: json!(null),
        packet_id: id(20, 1),
        updated_at: at(5),
        version: 1,
    }
}

fn boxed(rows: impl IntoIterator<Item = SampleRow>) -> Vec<Row> {
    rows.into_iter().map(|row| Row::Sample(Box::new(row))).collect()
}

async fn posts(store: &mut Store) {
    store.put(one_of_each()).await;
    store.put(vec![Row::Schedule(schedule(2, 1, 1)), Row::Schedule(schedule(11, 1, 1))]).await;
    store.put(boxed([sample(1, 2), sample(1, 9), sample(1, 5), sample(2, 3), sample(11, 4), sample(11, 40)])).await;
}

/// Which publication, at which minute.
fn places(rows: &[SampleRow]) -> Vec<(u128, i64)> {
    let minute = |row: &SampleRow| row.sample.measured_at.since(at(0)).as_secs() as i64 / 60;
    rows.iter().map(|row| (row.sample.schedule_id.0.as_u128() & 0xffff, minute(row))).collect()
}

pub(super) async fn samples_by_filter_newest_first(mut store: Store) {
    posts(&mut store).await;
    let reader = store.opened.reader.clone();
    let main = SampleFilter { channel: Some("youtube/main".into()), ..SampleFilter::default() };
    let all = reader.samples(&main, ALL).await.expect("answered");
    assert_eq!(places(&all.items)[1..], [(1, 9), (1, 5), (2, 3), (1, 2)]);
    let span = SampleFilter { from: Some(at(180)), to: Some(at(540)), ..main.clone() };
    assert_eq!(places(&reader.samples(&span, ALL).await.expect("answered").items), [(1, 5), (2, 3)]);
    let one = SampleFilter { schedule: Some(id(10, 11)), ..SampleFilter::default() };
    let page = reader.samples(&one, Page { limit: 1, offset: 1 }).await.expect("answered");
    assert_eq!((places(&page.items), page.total), (vec![(11, 4)], 2));
    let ids = [sample(2, 3).sample_id, sample(2, 99).sample_id, sample(2, 3).sample_id];
    assert_eq!(reader.samples_by_id(&ids).await, Ok(vec![sample(2, 3)]));
    assert_eq!(reader.samples_by_id(&[]).await, Ok(vec![]));
    let stranger = store.refusal(boxed([sample(77, 1)])).await;
    assert!(matches!(stranger, Refused::Dangling { table: Table::Samples, .. }), "{stranger}");
    let again = store.refusal(boxed([sample(1, 9)])).await;
    assert!(matches!(again, Refused::Duplicate { table: Table::Samples, .. }), "{again}");
}

pub(super) async fn the_latest_of_each_publication(mut store: Store) {
    posts(&mut store).await;
    let reader = store.opened.reader.clone();
    let found = reader.latest_samples(&[id(10, 11), id(10, 2), id(10, 78)]).await.expect("answered");
    assert_eq!(places(&found), [(2, 3), (11, 40)]);
    assert_eq!(reader.latest_samples(&[]).await, Ok(vec![]));
    // Two of one moment: the later id, everywhere the same.
    let mut twin = sample(2, 3).sample;
    twin.source = EngagementSource::YoutubeAnalytics;
    let twin = SampleRow::new(twin);
    store.put(boxed([twin.clone()])).await;
    let found = reader.latest_samples(&[id(10, 2)]).await.expect("answered");
    let last = if twin.sample_id > sample(2, 3).sample_id { twin } else { sample(2, 3) };
    assert_eq!(found, [last]);
}

pub(super) async fn old_samples_are_purged_and_models_stand_by_name(mut store: Store) {
    posts(&mut store).await;
    let purge = |before: i64, at_most| Commit {
        purges: vec![Purge::OldSamples { before: at(before * 60), at_most }],
        ..Commit::default()
    };
    let reader = store.opened.reader.clone();
    store.commit(purge(5, 2)).await.expect("is written");
    let left = reader.samples(&SampleFilter::default(), ALL).await.expect("answered").items;
    let young = |rows: &[SampleRow]| places(rows).into_iter().filter(|(_, minute)| *minute < 10).collect::<Vec<_>>();
    assert_eq!(young(&left), [(1, 9), (1, 5), (11, 4)], "at most two, the oldest");
    store.commit(purge(5, 100)).await.expect("is written");
    let left = reader.samples(&SampleFilter::default(), ALL).await.expect("answered").items;
    assert_eq!(young(&left), [(1, 9), (1, 5)], "not those of that moment and later");
    let names = ["windows b", "personas", "windows a"];
    store.put(names.map(|name| Row::Model(Box::new(model(name)))).to_vec()).await;
    let all = reader.models(2).await.expect("answered");
    assert_eq!(all.iter().map(|m| m.name.as_str()).collect::<Vec<_>>(), ["personas", "windows a"]);
    let next = ModelRow { version: 2, alarm: json!({ "more": false }), ..model("windows a") };
    store.commit(of(vec![Row::Model(Box::new(next.clone()))])).await.expect("is written");
    assert_eq!(reader.model("windows a").await, Ok(Some(next.clone())));
    let stale = store.refusal(vec![Row::Model(Box::new(next))]).await;
    assert!(matches!(stale, Refused::Stale { table: Table::Models, .. }), "{stale}");
}
