//! `data` of answers, a file for each part of the API.

mod clips;
mod delivery;
mod engagement;
mod jobs;
mod keys;
mod ledger;
mod projects;
mod system;

pub use clips::*;
pub use delivery::*;
pub use engagement::*;
pub use jobs::*;
pub use keys::*;
pub use ledger::*;
pub use projects::*;
pub use system::*;

use omniva_store::{Listed, Page};
use schemars::JsonSchema;
use serde::Serialize;

#[derive(Serialize, JsonSchema)]
pub struct Pagination {
    pub limit: u64,
    pub offset: u64,
    /// On all pages.
    pub total: u64,
}

#[derive(Serialize, JsonSchema)]
pub struct Items<T> {
    pub items: Vec<T>,
    pub pagination: Pagination,
}

impl<T> Items<T> {
    pub fn of<R>(listed: Listed<R>, page: Page, view: impl Fn(R) -> T) -> Self {
        Self {
            items: listed.items.into_iter().map(view).collect(),
            pagination: Pagination { limit: page.limit, offset: page.offset, total: listed.total },
        }
    }
}

/// A list that is short by nature.
#[derive(Serialize, JsonSchema)]
pub struct All<T> {
    pub items: Vec<T>,
}
