//! Scraping on demand: one job a creator that looks for new items.

use std::time::Duration;

use omniva_cognition::flow::payload::key;
use omniva_contracts::engine::{
    Creator, CreatorId, CreatorStatus, DiscoverPayload, EntityRef, EntityType, JobKind, Moment, ProjectId,
};
use omniva_store::Page;
use serde_json::json;

use super::check::Faults;
use super::desk::{Deed, Desk, OrRefuse};
use super::jobs::{Order, enqueue};
use super::plan::Done;
use super::{Refusal, creators, projects};

/// Creators that one request may name, and that one project may have.
const MOST: usize = 500;

type Range = (Option<Moment>, Option<Moment>);

pub(super) async fn scrape(
    desk: &mut Desk<'_>,
    project: ProjectId,
    wanted: &[CreatorId],
    (since, until): Range,
    force: bool,
) -> Done {
    let mut faults = Faults::default();
    faults.unless(wanted.len() <= MOST, "creator_ids", "has more than 500 entries");
    faults.verdict()?;
    projects::find(desk, project).await?;
    range_is_sound((since, until), desk.now)?;
    let creators = chosen(desk, project, wanted).await?;
    if creators.is_empty() {
        return Err(Refusal::new(409, "NO_ACTIVE_CREATORS", "the project follows no active creator: add one first"));
    }
    let mut ids = Vec::new();
    let mut fresh = 0u32;
    let entity = EntityRef::new(EntityType::Project, project);
    let body = json!({
        "creators": creators.iter().map(|c| c.creator_id).collect::<Vec<_>>(), "since": since, "until": until,
        "force": force,
    });
    let packet = desk.record(Deed::new("scrape.requested", entity, Some(project), body));
    for creator in &creators {
        let subject = EntityRef::new(EntityType::Creator, creator.creator_id);
        let payload = DiscoverPayload { creator_id: Some(creator.creator_id), since, until, force };
        let order = Order::new(JobKind::Discover, Some(project), subject, json!(payload))
            .unique(key::discover(creator.creator_id));
        let (job, new) = enqueue(desk, order, packet).await?;
        ids.push(job);
        fresh += u32::from(new);
    }
    let data = json!({
        "job_id": ids.first(), "job_ids": ids, "queued_creators": ids.len(), "already_queued": ids.len() as u32 - fresh,
        "status": "QUEUED",
    });
    Ok((202, data, packet))
}

/// `since` before `until`, and nothing that has not happened yet.
fn range_is_sound((since, until): Range, now: Moment) -> Result<(), Refusal> {
    let wrong = |field: &str, why: &str| Err(Refusal::new(400, "INVALID_DATE_RANGE", why).field(field, why));
    if let (Some(a), Some(b)) = (since, until)
        && a >= b
    {
        return wrong("until", "until must be later than since");
    }
    // A day of grace for clocks that differ and for "until today".
    if since.is_some_and(|a| a > now.after(Duration::from_secs(86_400))) {
        return wrong("since", "since lies in the future");
    }
    Ok(())
}

async fn chosen(desk: &Desk<'_>, project: ProjectId, wanted: &[CreatorId]) -> Result<Vec<Creator>, Refusal> {
    let page = Page { limit: MOST as u64, offset: 0 };
    let all = desk.reader.creators(project, page).await.or_refuse()?.items;
    if wanted.is_empty() {
        return Ok(all.into_iter().filter(|c| c.status == CreatorStatus::Active).collect());
    }
    let mut out: Vec<Creator> = Vec::new();
    for id in wanted {
        let creator = all.iter().find(|c| c.creator_id == *id).ok_or_else(|| creators::not_found(*id))?;
        if !out.iter().any(|c| c.creator_id == *id) {
            out.push(creator.clone());
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        let at = |s| Some(Moment::from_seconds(s));
        let now = Moment::from_seconds(1_000_000);
        assert!(range_is_sound((None, None), now).is_ok());
        assert!(range_is_sound((at(1), at(2)), now).is_ok());
        for bad in [(at(2), at(2)), (at(3), at(2)), (at(1_200_000), None)] {
            assert_eq!(range_is_sound(bad, now).expect_err("refused").code, "INVALID_DATE_RANGE");
        }
    }
}
