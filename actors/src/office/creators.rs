//! Creators: attached to a project, changed, taken off again.

use omniva_contracts::engine::*;
use serde_json::{Value, json};

use super::check::{Faults, is_web_address, normal_handle};
use super::desk::{Deed, Desk, OrRefuse};
use super::plan::Done;
use super::{Command, Refusal, projects};

/// What an update sets; the rest stays.
pub(super) struct Change {
    pub status: Option<CreatorStatus>,
    pub scrape_window_days: Option<u32>,
    pub rights: Option<RightsBasis>,
    pub source: Option<SourceSpec>,
}

fn entity(id: CreatorId) -> EntityRef {
    EntityRef::new(EntityType::Creator, id)
}

pub(super) fn not_found(id: CreatorId) -> Refusal {
    Refusal::new(404, "CREATOR_NOT_FOUND", format!("there is no creator {id}"))
}

async fn find(desk: &Desk<'_>, id: CreatorId) -> Result<Creator, Refusal> {
    let found = desk.reader.creator(id).await.or_refuse()?;
    found.filter(|c| c.status != CreatorStatus::Removed).ok_or_else(|| not_found(id))
}

pub(super) async fn add(desk: &mut Desk<'_>, command: &Command) -> Done {
    let Command::AddCreator { project, platform, handle, profile_url, scrape_window_days, rights, source } = command
    else {
        return Err(Refusal::new(500, "INTERNAL", "not a command to add a creator"));
    };
    let mut faults = Faults::default();
    if let Some(days) = scrape_window_days {
        faults.window("scrape_window_days", *days);
    }
    if let Some(url) = profile_url {
        faults.unless(is_web_address(url), "profile_url", "must be an http or https address");
    }
    faults.source(source.as_ref());
    faults.verdict()?;
    let owner = projects::find(desk, *project).await?;
    let username = normal_handle(handle).ok_or_else(|| {
        Refusal::new(422, "INVALID_HANDLE", "a handle has 1 to 64 letters, digits, dots, dashes or underscores")
            .field("handle", "is no handle")
    })?;
    let old = desk.reader.creator_by_handle(*platform, &username).await.or_refuse()?;
    if old.as_ref().is_some_and(|c| c.status != CreatorStatus::Removed) {
        let message = format!("@{username} on {} is followed already", platform.as_str());
        return Err(Refusal::new(409, "CREATOR_EXISTS", message));
    }
    // One that was removed comes back under its old id, so that its posts are not taken twice.
    let (id, created_at, last_scraped_at, version) = match &old {
        Some(c) => (c.creator_id, c.created_at, c.last_scraped_at, c.version + 1),
        None => (desk.id(), desk.now, None, 1),
    };
    let creator = Creator {
        creator_id: id,
        project_id: owner.project_id,
        platform: *platform,
        username,
        profile_url: profile_url.clone(),
        status: CreatorStatus::Active,
        scrape_window_days: scrape_window_days.unwrap_or(owner.settings.scrape_window_days),
        rights: *rights,
        source: source.clone(),
        last_scraped_at,
        created_at,
        updated_at: desk.now,
        version,
    };
    let before = desk.last_of(&entity(id)).await?;
    let deed = Deed::new("creator.added", entity(id), Some(owner.project_id), said(&creator)).after(before);
    let packet = desk.record(deed);
    let data = json!({ "creator_id": id, "platform": creator.platform, "status": creator.status });
    desk.rows.push(Row::Creator(creator));
    Ok((201, data, packet))
}

fn said(c: &Creator) -> Value {
    json!({
        "platform": c.platform, "handle": c.username, "status": c.status, "rights": c.rights,
        "scrape_window_days": c.scrape_window_days, "source": c.source,
    })
}

pub(super) async fn update(desk: &mut Desk<'_>, id: CreatorId, change: Change) -> Done {
    let mut faults = Faults::default();
    if let Some(days) = change.scrape_window_days {
        faults.window("scrape_window_days", days);
    }
    faults.unless(change.status != Some(CreatorStatus::Removed), "status", "use DELETE to remove a creator");
    faults.source(change.source.as_ref());
    faults.verdict()?;
    let mut creator = find(desk, id).await?;
    creator.status = change.status.unwrap_or(creator.status);
    creator.scrape_window_days = change.scrape_window_days.unwrap_or(creator.scrape_window_days);
    creator.rights = change.rights.unwrap_or(creator.rights);
    creator.source = change.source.or(creator.source);
    save(desk, creator, "creator.updated").await
}

pub(super) async fn remove(desk: &mut Desk<'_>, id: CreatorId) -> Done {
    let mut creator = find(desk, id).await?;
    creator.status = CreatorStatus::Removed;
    save(desk, creator, "creator.removed").await
}

async fn save(desk: &mut Desk<'_>, mut creator: Creator, kind: &'static str) -> Done {
    creator.updated_at = desk.now;
    creator.version += 1;
    let id = creator.creator_id;
    let before = desk.last_of(&entity(id)).await?;
    let packet = desk.record(Deed::new(kind, entity(id), Some(creator.project_id), said(&creator)).after(before));
    let data = json!({
        "creator_id": id, "project_id": creator.project_id, "platform": creator.platform,
        "handle": format!("@{}", creator.username), "status": creator.status, "rights": creator.rights,
        "scrape_window_days": creator.scrape_window_days, "source": creator.source, "updated_at": creator.updated_at,
    });
    desk.rows.push(Row::Creator(creator));
    Ok((200, data, packet))
}
