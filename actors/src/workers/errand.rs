//! An errand: an engine that was started for one file, with somebody waiting for it. The file is taken where it lies, its
//! progress is told as it comes, and a fault is told at once: nothing is tried later.

use std::path::PathBuf;
use std::sync::Arc;

use omniva_contracts::engine::{CreatorId, DiscoverResult, FoundItem, Outcome};
use omniva_contracts::{Code, Fault};
use omniva_stages::{Fresh, Reporter, display_name};
use serde::Serialize;

use super::end::{self, End, Run};
use super::{Tools, analyze, discover, edit, scrape};
use crate::work::{Stop, Work, WorkContext};

pub struct Errand {
    pub file: PathBuf,
    /// Who waits; may call everything off.
    pub audience: Arc<dyn Reporter + Send + Sync>,
    /// Set to make everything anew.
    pub fresh: Option<Fresh>,
    /// Decide only: no clip is edited.
    pub dry_run: bool,
}

impl Errand {
    /// What looking for new items finds: the file, under the name that people know it by.
    pub(super) fn found(&self, creator_id: CreatorId) -> DiscoverResult {
        let item = FoundItem {
            platform_post_id: "the file".into(),
            url: format!("file://{}", self.file.display()),
            title: display_name(&self.file),
            bytes: None,
            posted_at: None,
            details: Default::default(),
        };
        DiscoverResult { creator_id, items: vec![item], skipped: Vec::new() }
    }
}

/// Workers up to the finished clip: what would follow (uploads, upkeep) has none, and waits for good.
pub(super) fn works(tools: Arc<Tools>) -> Vec<Arc<dyn Work>> {
    let mut works: Vec<Arc<dyn Work>> = vec![
        Arc::new(discover::Discoverer(tools.clone())),
        Arc::new(scrape::Scraper(tools.clone())),
        Arc::new(analyze::Analyzer(tools.clone())),
    ];
    if tools.errand.as_ref().is_some_and(|errand| !errand.dry_run) {
        works.push(Arc::new(edit::Editor(tools)));
    }
    works
}

impl Tools {
    pub(super) fn audience(&self) -> Option<Arc<dyn Reporter + Send + Sync>> {
        self.errand.as_ref().map(|errand| errand.audience.clone())
    }

    /// How a run ends as an outcome.
    pub(super) fn outcome<T: Serialize>(&self, run: Run<T>, context: &WorkContext) -> Outcome {
        match run {
            Err(End::Fault(fault)) if self.errand.is_some() && context.stop() == Stop::No => at_once(*fault),
            run => end::outcome(run, context),
        }
    }
}

fn at_once(fault: Fault) -> Outcome {
    match fault.code {
        Code::Cancelled => Outcome::Cancel { why: "called off".into() },
        _ => Outcome::Discard { fault },
    }
}
