//! What it means that a video shares sound or picture with another one: it is a copy, it holds a part of the other, or it
//! shows the other's footage under sound of its own.

use omniva_contracts::config::{CouncilConfig, PartialReuse};
use omniva_contracts::engine::Stance;
use serde_json::{Value, json};

use super::{Brief, Likeness, Overlap};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Relation {
    /// (Nearly) all of it is there already.
    Copy,
    /// A part of it is.
    Part,
    /// Its pictures are, under other sound.
    Footage,
}

/// What Paradox says of one likeness.
pub(super) struct Word {
    pub stance: Stance,
    pub code: &'static str,
    pub why: String,
}

/// `None` when the policy allows it.
pub(super) fn judge(like: &Likeness, config: &CouncilConfig) -> Option<Word> {
    let relation = relation(like, config)?;
    let (stance, code) = match (relation, config.partial_reuse) {
        (Relation::Copy, _) => (Stance::Block, "near_duplicate"),
        (_, PartialReuse::Allow) => return None,
        // A creator may use what is theirs again; it is told, as it repeats itself.
        (_, PartialReuse::Quarantine) if !like.same_creator => (Stance::Quarantine, "partial_reuse"),
        (_, PartialReuse::Quarantine | PartialReuse::Oppose) => (Stance::Oppose, "partial_reuse"),
    };
    Some(Word { stance, code, why: why(like, relation) })
}

/// Puts the evidence of every likeness into an advisory's detail.
pub(super) fn tell(brief: &Brief, config: &CouncilConfig, detail: &mut Value) {
    if brief.near_duplicates.is_empty() {
        return;
    }
    let evidence: Vec<Value> = brief.near_duplicates.iter().map(|like| evidence(like, config)).collect();
    detail["likeness"] = json!(evidence);
}

fn relation(like: &Likeness, config: &CouncilConfig) -> Option<Relation> {
    let whole = |overlap: &Option<Overlap>| share(like, overlap) >= config.duplicate_share;
    match (&like.audio, &like.video) {
        (None, None) => None,
        _ if whole(&like.audio) => Some(Relation::Copy),
        (None, Some(_)) if like.both_sound => Some(Relation::Footage),
        _ if whole(&like.video) => Some(Relation::Copy),
        _ => Some(Relation::Part),
    }
}

/// Share of the subject's video, 0..1; 0 when its length is unknown.
fn share(like: &Likeness, overlap: &Option<Overlap>) -> f64 {
    let seconds = overlap.map_or(0.0, |o| o.seconds);
    if like.own_seconds > 0.0 { (seconds / like.own_seconds).clamp(0.0, 1.0) } else { 0.0 }
}

fn longest(like: &Likeness) -> (f64, f64) {
    let of = |overlap: &Option<Overlap>| overlap.map_or(0.0, |o| o.seconds);
    (of(&like.audio).max(of(&like.video)), share(like, &like.audio).max(share(like, &like.video)))
}

fn why(like: &Likeness, relation: Relation) -> String {
    let (seconds, _) = longest(like);
    let side = if like.mirrored { ", mirrored" } else { "" };
    let whose = if like.same_creator { "of the same creator" } else { "of another creator" };
    let how = match (&like.audio, &like.video) {
        (Some(_), Some(_)) => "sound and picture",
        (Some(_), None) => "sound",
        _ => "picture",
    };
    let (own, other) = (like.own_seconds, &like.other.entity_id);
    match relation {
        Relation::Copy => {
            format!("{seconds:.0} s of {own:.0} s are in video {other} {whose} already ({how}{side}): it is a copy.")
        }
        Relation::Part => {
            format!("{seconds:.0} s of {own:.0} s are in video {other} {whose} already ({how}{side}).")
        }
        Relation::Footage => {
            format!("{seconds:.0} s of {own:.0} s show what video {other} {whose} shows{side}, under other sound.")
        }
    }
}

fn evidence(like: &Likeness, config: &CouncilConfig) -> Value {
    let (seconds, own_share) = longest(like);
    let overlap = |o: &Option<Overlap>| {
        o.map(|o| json!({ "seconds": o.seconds, "similarity": o.similarity, "from": o.from, "to": o.to }))
    };
    let other_share = if like.other_seconds > 0.0 { (seconds / like.other_seconds).min(1.0) } else { 0.0 };
    json!({
        "with": like.other.entity_id,
        "relation": relation(like, config).map(|r| match r {
            Relation::Copy => "copy",
            Relation::Part => "part",
            Relation::Footage => "footage",
        }),
        "same_creator": like.same_creator,
        "seconds": seconds,
        "own_share": own_share,
        "other_share": other_share,
        "own_seconds": like.own_seconds,
        "other_seconds": like.other_seconds,
        "offset": like.offset,
        "mirrored": like.mirrored,
        "audio": overlap(&like.audio),
        "video": overlap(&like.video),
    })
}
