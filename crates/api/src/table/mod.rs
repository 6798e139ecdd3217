//! The routes, a file a resource: each with its handler beside it.

pub mod analysis;
pub mod clips;
pub mod creators;
pub mod engagement;
pub mod insights;
pub mod jobs;
pub mod keys;
pub mod ledger;
pub mod logs;
pub mod orders;
pub mod projects;
pub mod queues;
pub mod schedules;
pub mod scraping;
pub mod system;
pub mod uploads;

/// Codes that many routes share.
pub(crate) const NO_PROJECT: (u16, &str) = (404, "PROJECT_NOT_FOUND");
pub(crate) const NO_CLIP: (u16, &str) = (404, "CLIP_NOT_FOUND");
pub(crate) const BAD_PAGE: (u16, &str) = (400, "INVALID_PAGINATION");
