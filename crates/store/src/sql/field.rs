//! How one field of a row becomes columns of a table, and back.

use std::collections::BTreeMap;

use omniva_contracts::engine::*;
use omniva_contracts::fault::Fault;
use omniva_contracts::wire::PrivacyStatus;
use sea_orm::{DbErr, QueryResult, TryGetable, Value};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

/// The columns of one row, read from left to right.
pub(crate) struct Cells<'a> {
    row: &'a QueryResult,
    at: usize,
}

impl<'a> Cells<'a> {
    pub fn new(row: &'a QueryResult) -> Self {
        Self { row, at: 0 }
    }
    pub fn next<T: TryGetable>(&mut self) -> Result<T, DbErr> {
        let cell = self.row.try_get_by_index(self.at)?;
        self.at += 1;
        Ok(cell)
    }
}

pub(crate) fn misread(what: impl std::fmt::Display) -> DbErr {
    DbErr::Type(what.to_string())
}

/// One field of a row: mostly one column.
pub(crate) trait Field: Sized {
    fn names(name: &str, out: &mut Vec<String>) {
        out.push(name.to_owned());
    }
    fn put(&self, out: &mut Vec<Value>);
    fn take(cells: &mut Cells<'_>) -> Result<Self, DbErr>;
}

/// A value in one column, which may also be NULL where the field is an `Option`.
pub(crate) trait Scalar: Sized {
    type Cell: TryGetable;
    fn value(this: Option<&Self>) -> Value;
    fn read(cell: Self::Cell) -> Result<Self, DbErr>;
}

impl<T: Scalar> Field for T {
    fn put(&self, out: &mut Vec<Value>) {
        out.push(T::value(Some(self)));
    }
    fn take(cells: &mut Cells<'_>) -> Result<Self, DbErr> {
        T::read(cells.next()?)
    }
}

impl<T: Scalar> Field for Option<T>
where
    Option<T::Cell>: TryGetable,
{
    fn put(&self, out: &mut Vec<Value>) {
        out.push(T::value(self.as_ref()));
    }
    fn take(cells: &mut Cells<'_>) -> Result<Self, DbErr> {
        cells.next::<Option<T::Cell>>()?.map(T::read).transpose()
    }
}

/// Two columns: `<name>_type` and `<name>_id`.
impl Field for EntityRef {
    fn names(name: &str, out: &mut Vec<String>) {
        out.extend([format!("{name}_type"), format!("{name}_id")]);
    }
    fn put(&self, out: &mut Vec<Value>) {
        out.push(Value::String(Some(self.entity_type.as_str().to_owned())));
        out.push(Value::Uuid(Some(self.entity_id)));
    }
    fn take(cells: &mut Cells<'_>) -> Result<Self, DbErr> {
        let of: String = cells.next()?;
        let entity_type = EntityType::parse(&of).ok_or_else(|| misread(format!("{of:?} is no entity")))?;
        Ok(Self { entity_type, entity_id: cells.next()? })
    }
}

impl Field for Option<EntityRef> {
    fn names(name: &str, out: &mut Vec<String>) {
        EntityRef::names(name, out);
    }
    fn put(&self, out: &mut Vec<Value>) {
        match self {
            Some(entity) => entity.put(out),
            None => out.extend([Value::String(None), Value::Uuid(None)]),
        }
    }
    fn take(cells: &mut Cells<'_>) -> Result<Self, DbErr> {
        let (of, id): (Option<String>, Option<Uuid>) = (cells.next()?, cells.next()?);
        let (Some(of), Some(entity_id)) = (of, id) else { return Ok(None) };
        let entity_type = EntityType::parse(&of).ok_or_else(|| misread(format!("{of:?} is no entity")))?;
        Ok(Some(EntityRef { entity_type, entity_id }))
    }
}

/// A column for each figure.
impl Field for EngagementSample {
    fn names(_: &str, out: &mut Vec<String>) {
        out.extend(
            [
                "schedule_id",
                "channel",
                "post_id",
                "published_at",
                "measured_at",
                "source",
                "views",
                "engaged_views",
                "likes",
                "comments",
                "shares",
                "watch_seconds",
                "average_view_percentage",
            ]
            .map(str::to_owned),
        );
    }
    fn put(&self, out: &mut Vec<Value>) {
        self.schedule_id.put(out);
        self.channel.put(out);
        self.post_id.put(out);
        self.published_at.put(out);
        self.measured_at.put(out);
        self.source.put(out);
        self.views.put(out);
        for count in [&self.engaged_views, &self.likes, &self.comments, &self.shares] {
            count.put(out);
        }
        self.watch_seconds.put(out);
        self.average_view_percentage.put(out);
    }
    fn take(cells: &mut Cells<'_>) -> Result<Self, DbErr> {
        Ok(Self {
            schedule_id: Field::take(cells)?,
            channel: Field::take(cells)?,
            post_id: Field::take(cells)?,
            published_at: Field::take(cells)?,
            measured_at: Field::take(cells)?,
            source: Field::take(cells)?,
            views: Field::take(cells)?,
            engaged_views: Field::take(cells)?,
            likes: Field::take(cells)?,
            comments: Field::take(cells)?,
            shares: Field::take(cells)?,
            watch_seconds: Field::take(cells)?,
            average_view_percentage: Field::take(cells)?,
        })
    }
}

impl Scalar for String {
    type Cell = String;
    fn value(this: Option<&Self>) -> Value {
        Value::String(this.cloned())
    }
    fn read(cell: String) -> Result<Self, DbErr> {
        Ok(cell)
    }
}

impl Scalar for Uuid {
    type Cell = Uuid;
    fn value(this: Option<&Self>) -> Value {
        Value::Uuid(this.copied())
    }
    fn read(cell: Uuid) -> Result<Self, DbErr> {
        Ok(cell)
    }
}

impl Scalar for f64 {
    type Cell = f64;
    fn value(this: Option<&Self>) -> Value {
        Value::Double(this.copied())
    }
    fn read(cell: f64) -> Result<Self, DbErr> {
        Ok(cell)
    }
}

impl Scalar for bool {
    type Cell = bool;
    fn value(this: Option<&Self>) -> Value {
        Value::Bool(this.copied())
    }
    fn read(cell: bool) -> Result<Self, DbErr> {
        Ok(cell)
    }
}

impl Scalar for Moment {
    type Cell = i64;
    fn value(this: Option<&Self>) -> Value {
        Value::BigInt(this.map(|moment| moment.0))
    }
    fn read(cell: i64) -> Result<Self, DbErr> {
        Ok(Moment(cell))
    }
}

macro_rules! whole {
    ($($type:ty),+) => {$(
        impl Scalar for $type {
            type Cell = i64;
            // Beyond 63 bits is refused before it comes here.
            fn value(this: Option<&Self>) -> Value {
                Value::BigInt(this.map(|n| i64::try_from(*n).unwrap_or(i64::MAX)))
            }
            fn read(cell: i64) -> Result<Self, DbErr> {
                <$type>::try_from(cell).map_err(|_| misread(format!("{cell} is out of range")))
            }
        }
    )+};
}
whole!(i32, i64, u16, u32, u64);

macro_rules! ids {
    ($($type:ident),+) => {$(
        impl Scalar for $type {
            type Cell = Uuid;
            fn value(this: Option<&Self>) -> Value {
                Value::Uuid(this.map(|id| id.0))
            }
            fn read(cell: Uuid) -> Result<Self, DbErr> {
                Ok($type(cell))
            }
        }
    )+};
}
ids!(
    ProjectId,
    CreatorId,
    PostId,
    VideoId,
    AnalysisId,
    ClipId,
    EditJobId,
    UploadJobId,
    ScheduleId,
    ArtifactId,
    LogId,
    JobId,
    PacketId,
    TraceId,
    DirectiveId,
    ApiKeyId,
    RequestId,
    SampleId
);

macro_rules! words {
    ($($type:ident),+) => {$(
        impl Scalar for $type {
            type Cell = String;
            fn value(this: Option<&Self>) -> Value {
                Value::String(this.map(|word| word.as_str().to_owned()))
            }
            fn read(cell: String) -> Result<Self, DbErr> {
                $type::parse(&cell).ok_or_else(|| misread(format!("{cell:?} is no {}", stringify!($type))))
            }
        }
    )+};
}
words!(
    ProjectStatus,
    CreatorStatus,
    ClipStatus,
    WorkStatus,
    ScheduleStatus,
    ArtifactKind,
    LogLevel,
    Role,
    QueueMode,
    Misfire,
    JobKind,
    JobState,
    Platform,
    EngagementSource
);

/// Unit variants whose text only serde knows: as serde writes them, without the quotes.
pub(crate) fn word(of: &impl Serialize) -> Option<String> {
    match serde_json::to_value(of) {
        Ok(serde_json::Value::String(word)) => Some(word),
        _ => None,
    }
}

macro_rules! serde_words {
    ($($type:ident),+) => {$(
        impl Scalar for $type {
            type Cell = String;
            fn value(this: Option<&Self>) -> Value {
                Value::String(this.and_then(word))
            }
            fn read(cell: String) -> Result<Self, DbErr> {
                serde_json::from_value(serde_json::Value::String(cell)).map_err(misread)
            }
        }
    )+};
}
serde_words!(RightsBasis, PrivacyStatus, DirectiveState, DecisionSource);

pub(crate) fn document(of: &impl Serialize) -> Option<String> {
    serde_json::to_string(of).ok()
}

pub(crate) fn from_document<T: DeserializeOwned>(text: &str) -> Result<T, DbErr> {
    serde_json::from_str(text).map_err(misread)
}

macro_rules! documents {
    ($($type:ty),+ $(,)?) => {$(
        impl Scalar for $type {
            type Cell = String;
            fn value(this: Option<&Self>) -> Value {
                Value::String(this.and_then(document))
            }
            fn read(cell: String) -> Result<Self, DbErr> {
                from_document(&cell)
            }
        }
    )+};
}
documents!(
    serde_json::Value, ProjectSettings, SourceSpec, Fault, Order, Vec<String>, Vec<PacketId>, BTreeMap<String, f64>,
    Vec<LearningStep>,
);
