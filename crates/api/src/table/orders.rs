//! Directives, orders and overrides.

use omniva_actors::office::{Command, Refusal};
use omniva_contracts::engine::{DirectiveId, DirectiveState, Override, Packet, Question};
use omniva_store::PacketFilter;

use super::BAD_PAGE;
use crate::call::{Call, OrRefuse, Reply, data, missing};
use crate::params::{Kind, LIMIT, PAGE, Param};
use crate::requests::{GiveOrder, Impose};
use crate::route::{Route, shape};
use crate::views::{DirectiveGiven, DirectiveView, Items, OverrideView};

const G: &str = "Directives and overrides";
const STATES: &[Param] =
    &[Param::new("state", Kind::OneOf(&["PENDING", "DISPATCHED"]), "Only directives in this state."), PAGE[0], PAGE[1]];
const SEQ: Param = Param::new(
    "from_seq",
    Kind::Int { min: 0, max: i64::MAX as u64 },
    "From this place of the ledger; 0 when left out.",
);
const OVERRIDES: &[Param] = &[SEQ, LIMIT];
const OVERRIDE: &str = r#"{"packet_id":"0a1b2c3d-4e5f-4a6b-8c7d-9e8f7a6b5c4d","question":"select","subject":{"entity_type":"clips","entity_id":"6a5b4c3d-2e1f-4a0b-9c8d-7e6f5a4b3c2d"},"approve":true,"reason":"the guest asked for it","operator":"loopback","imposed_at":"2024-05-07T12:05:00.000000Z"}"#;

/// A page of overrides, in the order of the ledger.
#[derive(serde::Serialize, schemars::JsonSchema)]
pub struct OverrideList {
    pub items: Vec<OverrideView>,
    /// `from_seq` of the next page; `null` at the end.
    pub next_seq: Option<u64>,
}

pub const ROUTES: &[Route] = &[
    Route::get("/v1/directives", "List directives, oldest first", |c| Box::pin(list(c)))
        .in_group(G)
        .query(STATES)
        .gives(200, shape::<Items<DirectiveView>>(r#"{"items":[],"pagination":{"limit":50,"offset":0,"total":0}}"#))
        .errors(&[BAD_PAGE]),
    Route::get("/v1/directives/{directive_id}", "Show a directive", |c| Box::pin(show(c)))
        .in_group(G)
        .gives(
            200,
            shape::<DirectiveView>(
                r#"{"directive_id":"1b2c3d4e-5f6a-4b7c-8d9e-0f1a2b3c4d5e","order":{"order":"pause_queue","queue":"edit"},"state":"DISPATCHED","source":"operator_override","reason":"maintenance","evidence":["0a1b2c3d-4e5f-4a6b-8c7d-9e8f7a6b5c4d"],"rollback":"resume the queue","trace_id":"4e3f2a1b-0c9d-4e8f-9a7b-6c5d4e3f2a1b","created_at":"2024-05-07T12:05:00.000000Z","dispatched_at":"2024-05-07T12:05:00.100000Z"}"#,
            ),
        )
        .errors(&[(404, "DIRECTIVE_NOT_FOUND")]),
    Route::post("/v1/directives", "Give an order to the engine: rebuild, reset, quarantine, slow down", |c| {
        Box::pin(order(c))
    })
    .in_group(G)
    .admin()
    .takes(shape::<GiveOrder>(r#"{"order":{"order":"soft_rebuild","actor":"lattice"},"reason":"stale clusters"}"#))
    .gives(
        202,
        shape::<DirectiveGiven>(
            r#"{"directive_id":"1b2c3d4e-5f6a-4b7c-8d9e-0f1a2b3c4d5e","state":"PENDING","order":{"order":"soft_rebuild","actor":"lattice"},"reason":"stale clusters","requested_at":"2024-05-07T12:05:00.000000Z"}"#,
        ),
    ),
    Route::get("/v1/overrides", "List overrides in the order in which they were imposed", |c| Box::pin(overrides(c)))
        .in_group(G)
        .query(OVERRIDES)
        .gives(200, shape::<OverrideList>(r#"{"items":[],"next_seq":null}"#))
        .errors(&[BAD_PAGE]),
    Route::post("/v1/overrides", "Impose a decision: it goes through Zenith and wins", |c| Box::pin(impose(c)))
        .in_group(G)
        .takes(shape::<Impose>(
            r#"{"question":"select","subject":{"entity_type":"clips","entity_id":"6a5b4c3d-2e1f-4a0b-9c8d-7e6f5a4b3c2d"},"approve":true,"reason":"the guest asked for it"}"#,
        ))
        .gives(201, shape::<OverrideView>(OVERRIDE))
        .errors(&[(404, "SUBJECT_NOT_FOUND")]),
];

fn state(text: &str) -> Option<DirectiveState> {
    match text {
        "PENDING" => Some(DirectiveState::Pending),
        "DISPATCHED" => Some(DirectiveState::Dispatched),
        _ => None,
    }
}

async fn list(c: &Call) -> Result<Reply, Refusal> {
    let page = c.query.page();
    let listed = c.reader().directives(c.query.word("state", state), page).await.or_refuse()?;
    data(Items::of(listed, page, DirectiveView::from))
}

async fn show(c: &Call) -> Result<Reply, Refusal> {
    let id: DirectiveId = c.id("directive_id", "DIRECTIVE_NOT_FOUND")?;
    let found = c.reader().directive(id).await.or_refuse()?;
    data(DirectiveView::from(found.ok_or_else(|| missing("DIRECTIVE_NOT_FOUND", &id.to_string()))?))
}

async fn order(c: &Call) -> Result<Reply, Refusal> {
    let b: GiveOrder = c.read()?;
    c.order(Command::Order { order: b.order.into(), reason: b.reason }).await
}

async fn overrides(c: &Call) -> Result<Reply, Refusal> {
    let limit = c.query.page().limit;
    let filter = PacketFilter {
        kind: Some("override.imposed".into()),
        from_seq: c.query.int("from_seq").unwrap_or(0),
        ..PacketFilter::default()
    };
    let packets = c.reader().packets(&filter, limit).await.or_refuse()?;
    let next_seq = packets.last().filter(|_| packets.len() as u64 == limit).map(|p| p.seq + 1);
    data(OverrideList { items: packets.into_iter().filter_map(view).collect(), next_seq })
}

fn view(p: Packet) -> Option<OverrideView> {
    let o: Override = serde_json::from_value(p.draft.body).ok()?;
    Some(OverrideView {
        packet_id: p.draft.stardust_id,
        question: o.question,
        subject: o.subject,
        approve: o.approve,
        reason: o.reason,
        operator: o.operator,
        imposed_at: p.draft.at,
    })
}

async fn impose(c: &Call) -> Result<Reply, Refusal> {
    let b: Impose = c.read()?;
    let question: Question = b.question;
    c.order(Command::Impose(Override {
        question,
        subject: b.subject,
        approve: b.approve,
        reason: b.reason,
        operator: c.caller.name.clone(),
    }))
    .await
}
