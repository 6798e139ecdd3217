//! Creators.

use omniva_actors::office::{Command, Refusal};
use omniva_contracts::engine::{CreatorId, CreatorStatus};

use super::{BAD_PAGE, NO_PROJECT};
use crate::call::{Call, OrRefuse, Reply, data, missing};
use crate::params::PAGE;
use crate::requests::{AddCreator, CreatorSwitch, UpdateCreator};
use crate::route::{Route, shape};
use crate::views::{CreatorAdded, CreatorItem, CreatorUpdated, Items};

const G: &str = "Creators";
const NO_CREATOR: (u16, &str) = (404, "CREATOR_NOT_FOUND");
const UPDATED: &str = r#"{"creator_id":"1b4e28ba-2fa1-41d2-883f-0016d3cca427","project_id":"7c9e6679-7425-40de-944b-e07fc1f90ae7","platform":"tiktok","handle":"@creatorlab","status":"PAUSED","rights":"owned","scrape_window_days":7,"source":{"kind":"inbox","folder":"/srv/inbox"},"updated_at":"2024-05-06T20:00:00.000000Z"}"#;

pub const ROUTES: &[Route] = &[
    Route::post("/v1/projects/{project_id}/creators", "Attach a creator to a project", |c| Box::pin(add(c)))
        .in_group(G)
        .takes(shape::<AddCreator>(
            r#"{"platform":"tiktok","handle":"@creatorlab","profile_url":"https://tiktok.com/@creatorlab","scrape_window_days":7,"rights":"owned","source":{"kind":"inbox","folder":"/srv/inbox"}}"#,
        ))
        .gives(
            201,
            shape::<CreatorAdded>(
                r#"{"creator_id":"1b4e28ba-2fa1-41d2-883f-0016d3cca427","platform":"tiktok","status":"ACTIVE"}"#,
            ),
        )
        .errors(&[NO_PROJECT, (409, "CREATOR_EXISTS"), (422, "INVALID_HANDLE")]),
    Route::get("/v1/projects/{project_id}/creators", "List a project's creators, oldest first", |c| Box::pin(list(c)))
        .in_group(G)
        .query(&PAGE)
        .gives(
            200,
            shape::<Items<CreatorItem>>(
                r#"{"items":[{"creator_id":"1b4e28ba-2fa1-41d2-883f-0016d3cca427","project_id":"7c9e6679-7425-40de-944b-e07fc1f90ae7","platform":"tiktok","handle":"@creatorlab","profile_url":null,"status":"ACTIVE","scrape_window_days":7,"rights":"owned","source":null,"last_scraped_at":"2024-05-06T20:00:00.000000Z","created_at":"2024-05-01T20:00:00.000000Z"}],"pagination":{"limit":50,"offset":0,"total":1}}"#,
            ),
        )
        .errors(&[NO_PROJECT, BAD_PAGE]),
    Route::get("/v1/creators/{creator_id}", "Show a creator", |c| Box::pin(show(c)))
        .in_group(G)
        .gives(
            200,
            shape::<CreatorItem>(
                r#"{"creator_id":"1b4e28ba-2fa1-41d2-883f-0016d3cca427","project_id":"7c9e6679-7425-40de-944b-e07fc1f90ae7","platform":"tiktok","handle":"@creatorlab","profile_url":null,"status":"ACTIVE","scrape_window_days":7,"rights":"owned","source":null,"last_scraped_at":null,"created_at":"2024-05-01T20:00:00.000000Z"}"#,
            ),
        )
        .errors(&[NO_CREATOR]),
    Route::patch("/v1/creators/{creator_id}", "Change a creator", |c| Box::pin(update(c)))
        .in_group(G)
        .takes(shape::<UpdateCreator>(r#"{"status":"PAUSED"}"#))
        .gives(200, shape::<CreatorUpdated>(UPDATED))
        .errors(&[NO_CREATOR, (409, "CONFLICT")]),
    Route::delete("/v1/creators/{creator_id}", "Take a creator off its project", |c| Box::pin(remove(c)))
        .in_group(G)
        .gives(200, shape::<CreatorUpdated>(UPDATED))
        .errors(&[NO_CREATOR, (409, "CONFLICT")]),
];

fn id(c: &Call) -> Result<CreatorId, Refusal> {
    c.id("creator_id", "CREATOR_NOT_FOUND")
}

async fn add(c: &Call) -> Result<Reply, Refusal> {
    let project = c.project_id()?;
    let b: AddCreator = c.read()?;
    c.order(Command::AddCreator {
        project,
        platform: b.platform,
        handle: b.handle,
        profile_url: b.profile_url,
        scrape_window_days: b.scrape_window_days,
        rights: b.rights,
        source: b.source,
    })
    .await
}

async fn list(c: &Call) -> Result<Reply, Refusal> {
    let project = c.project().await?;
    let page = c.query.page();
    let listed = c.reader().creators(project.project_id, page).await.or_refuse()?;
    data(Items::of(listed, page, CreatorItem::from))
}

async fn show(c: &Call) -> Result<Reply, Refusal> {
    let id = id(c)?;
    let found = c.reader().creator(id).await.or_refuse()?.filter(|x| x.status != CreatorStatus::Removed);
    data(CreatorItem::from(found.ok_or_else(|| missing("CREATOR_NOT_FOUND", &id.to_string()))?))
}

async fn update(c: &Call) -> Result<Reply, Refusal> {
    let creator = id(c)?;
    let b: UpdateCreator = c.read()?;
    let status = b.status.map(|s| match s {
        CreatorSwitch::Active => CreatorStatus::Active,
        CreatorSwitch::Paused => CreatorStatus::Paused,
    });
    let (scrape_window_days, rights, source) = (b.scrape_window_days, b.rights, b.source);
    c.order(Command::UpdateCreator { creator, status, scrape_window_days, rights, source }).await
}

async fn remove(c: &Call) -> Result<Reply, Refusal> {
    c.order(Command::RemoveCreator { creator: id(c)? }).await
}
