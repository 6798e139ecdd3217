//! HaloLux: why something is as it is, from packets alone.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use omniva_actors::office::Refusal;
use omniva_cognition::halolux::engine::{Gather, Inquiry, Query, explain_gathered, insights, lineage};
use omniva_contracts::engine::{ClipInsights, EntityRef, EntityType, Explanation, Lineage, Packet};
use omniva_store::{PacketFilter, Reader};
use uuid::Uuid;

use super::NO_CLIP;
use super::clips::find;
use crate::call::{Call, OrRefuse, Reply, data, missing};
use crate::params::{Kind, Param};
use crate::route::{Route, shape};

const G: &str = "Insights";
const QUESTION: &[Param] = &[Param::new(
    "question",
    Kind::OneOf(&Inquiry::NAMES),
    "`why`; `why_not` of a clip; `why_none` of a video, creator or project; `failure` of a job; `schedule` of a slot. \
     `why` when left out.",
)];
/// Explanations that are kept; each is good until the ledger grows.
const KEPT: usize = 512;

pub const ROUTES: &[Route] = &[
    Route::get("/v1/clips/{clip_id}/insights", "What the modules said about a clip", |c| Box::pin(clip_insights(c)))
        .in_group(G)
        .gives(
            200,
            shape::<ClipInsights>(
                r#"{"clip_id":"6a5b4c3d-2e1f-4a0b-9c8d-7e6f5a4b3c2d","trace_id":"4e3f2a1b-0c9d-4e8f-9a7b-6c5d4e3f2a1b","insights":{"paradox":{"conflicts":[]},"lattice":{"priority":0.82,"reason":"under-indexed topic"},"pantheon":[{"agent":"strategist","vote":0.91,"comment":"high novelty"},{"agent":"guardian","vote":0.65,"comment":"moderate virality"}],"horizon":null,"zenith":{"decision":"EDIT_UPLOAD_APPROVED","why":"Nothing speaks against it."}},"raw_payload":{"rulings":[]}}"#,
            ),
        )
        .errors(&[NO_CLIP, (409, "HALOLUX_PENDING")]),
    Route::get("/v1/lineage/{entity_type}/{entity_id}", "What an entity comes from and what came of it", |c| {
        Box::pin(entity_lineage(c))
    })
    .in_group(G)
    .gives(200, shape::<Lineage>(r#"{"nodes":[],"edges":[]}"#))
    .errors(&[(404, "SUBJECT_NOT_FOUND")]),
    Route::get("/v1/explanations/{entity_type}/{entity_id}", "Why this, why not that, why none", |c| {
        Box::pin(explanation(c))
    })
    .in_group(G)
    .query(QUESTION)
    .gives(
        200,
        shape::<Explanation>(
            r#"{"question":"why","subject":{"entity_type":"clips","entity_id":"6a5b4c3d-2e1f-4a0b-9c8d-7e6f5a4b3c2d"},"trace_id":null,"narrative":[],"chain":[],"discarded":[],"completeness":1.0,"missing":[]}"#,
        ),
    )
    .errors(&[(404, "SUBJECT_NOT_FOUND")]),
];

/// Reads what HaloLux asks for, a few packets at a time.
async fn gather(reader: &dyn Reader, inquiry: Inquiry) -> Result<Gather, Refusal> {
    let mut gather = Gather::new(inquiry);
    loop {
        let wanted = gather.wants();
        if wanted.is_empty() {
            return Ok(gather);
        }
        for query in wanted {
            let packets = read(reader, query).await?;
            gather.add(packets);
        }
    }
}

async fn read(reader: &dyn Reader, query: Query) -> Result<Vec<Packet>, Refusal> {
    let (filter, limit) = match query {
        Query::About { entity, limit } => (PacketFilter { entity: Some(entity), ..PacketFilter::default() }, limit),
        Query::OfTrace { trace, kind, limit } => {
            (PacketFilter { trace: Some(trace), kind: Some(kind), ..PacketFilter::default() }, limit)
        }
        Query::OfProject { project, kind, limit } => {
            (PacketFilter { project: Some(project), kind: Some(kind), ..PacketFilter::default() }, limit)
        }
        Query::One(id) => return Ok(reader.packet(id).await.or_refuse()?.into_iter().collect()),
        Query::Children { id, limit } => {
            let mut out = Vec::new();
            for child in reader.children(id, limit).await.or_refuse()? {
                out.extend(reader.packet(child).await.or_refuse()?);
            }
            return Ok(out);
        }
    };
    reader.packets(&filter, limit).await.or_refuse()
}

async fn clip_insights(c: &Call) -> Result<Reply, Refusal> {
    let clip = find(c).await?.clip_id;
    let gathered = gather(c.reader(), Inquiry::Why(EntityRef::new(EntityType::Clip, clip))).await?;
    let found = insights(clip, &gathered.packets()).ok_or_else(|| {
        Refusal::new(409, "HALOLUX_PENDING", "nothing was decided about this clip yet").retry_after(5)
    })?;
    data(found)
}

/// The entity of the path. Errors: `SUBJECT_NOT_FOUND` when no packet is about it.
async fn subject(c: &Call) -> Result<EntityRef, Refusal> {
    let name = format!("{}/{}", c.param("entity_type"), c.param("entity_id"));
    let nothing = || missing("SUBJECT_NOT_FOUND", &name);
    let kind = EntityType::parse(c.param("entity_type")).ok_or_else(nothing)?;
    let id: Uuid = c.id("entity_id", "SUBJECT_NOT_FOUND")?;
    let entity = EntityRef::new(kind, id);
    c.reader().last_packet_of(&entity).await.or_refuse()?.ok_or_else(nothing)?;
    Ok(entity)
}

async fn entity_lineage(c: &Call) -> Result<Reply, Refusal> {
    let entity = subject(c).await?;
    let gathered = gather(c.reader(), Inquiry::Why(entity.clone())).await?;
    data(lineage(&entity, &gathered.packets()))
}

async fn explanation(c: &Call) -> Result<Reply, Refusal> {
    let entity = subject(c).await?;
    let question = c.query.text("question").unwrap_or("why");
    let inquiry = Inquiry::parse(question, entity.clone()).ok_or_else(|| {
        let wrong = format!("can't be asked about {}", entity.entity_type.as_str());
        Refusal::new(400, "VALIDATION_ERROR", format!("question {wrong}")).field("question", wrong)
    })?;
    // Any newer packet may belong to the answer, also one about something else.
    let key = (question.to_owned(), entity, c.reader().head().await.or_refuse()?.size);
    if let Some(known) = c.shared.told.get(&key) {
        return data(known);
    }
    let told = explain_gathered(gather(c.reader(), inquiry).await?);
    c.shared.told.put(key, told.clone());
    data(told)
}

type Key = (String, EntityRef, u64);

/// Explanations by question, subject and size of the ledger.
#[derive(Default)]
pub struct Told(Mutex<BTreeMap<Key, Explanation>>);

impl Told {
    fn get(&self, key: &Key) -> Option<Explanation> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }
    fn put(&self, key: Key, told: Explanation) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(key, told);
    }
}
