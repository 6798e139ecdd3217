//! Ids of everything that lives long: UUIDv4 (reference, Module Interfaces §2), one type each so that none is taken for
//! another.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }
        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    )+};
}

ids! {
    ProjectId, CreatorId, PostId, VideoId, AnalysisId, ClipId, EditJobId, UploadJobId, ScheduleId, ArtifactId, LogId, JobId,
    /// One Stardust packet.
    PacketId,
    /// One workflow: everything that follows from one source item shares it.
    TraceId,
    DirectiveId, ApiKeyId, RequestId,
    /// One point of a post's time series.
    SampleId,
}
