//! Keeping the house: what is too old goes, what has no row is swept, what should be there is looked for, and the store
//! is copied. What was removed or found is the result; Zenith writes it down.

mod audit;
mod backup;
mod retention;
mod sweep;

use std::sync::Arc;

use async_trait::async_trait;
use omniva_contracts::Fault;
use omniva_contracts::engine::*;
use omniva_telemetry::meter;

use super::Tools;
use super::end::{Run, outcome};
use super::watch::Watch;
use crate::work::{Stop, Work, WorkContext};

/// Findings of one run that are told.
const MAX_FINDINGS: usize = 200;
/// Rows that are read at once.
const PAGE: u64 = 500;

pub(super) struct Maintainer(pub Arc<Tools>);

#[async_trait]
impl Work for Maintainer {
    fn kind(&self) -> JobKind {
        JobKind::Maintain
    }

    async fn run(&self, job: Job, context: WorkContext) -> Outcome {
        outcome(self.maintain(&job, &context).await, &context)
    }
}

impl Maintainer {
    async fn maintain(&self, job: &Job, context: &WorkContext) -> Run<MaintainResult> {
        let MaintainPayload { task } = payload(&job.payload)?;
        let mut round = Round {
            tools: self.0.clone(),
            context: context.clone(),
            watch: Arc::new(Watch::new(context, job, &[])),
            now: Moment(context.clock.now_us()),
            result: MaintainResult { task: task.as_str().into(), ..MaintainResult::default() },
        };
        let all = task == MaintainTask::All;
        if all || task == MaintainTask::Retention {
            retention::run(&mut round).await?;
        }
        if all || task == MaintainTask::Sweep {
            sweep::run(&mut round).await?;
        }
        if all || task == MaintainTask::Audit {
            audit::run(&mut round).await?;
        }
        if all || task == MaintainTask::Backup {
            backup::run(&mut round).await?;
        }
        Ok(round.result)
    }
}

/// One run, with what it has done so far.
struct Round {
    tools: Arc<Tools>,
    context: WorkContext,
    watch: Arc<Watch>,
    now: Moment,
    result: MaintainResult,
}

impl Round {
    /// Something that must never be; `invariant` is a word for the metric.
    fn violated(&mut self, invariant: &'static str, finding: impl Into<String>) {
        meter::invariant_violated(invariant);
        self.find(finding);
    }

    fn find(&mut self, finding: impl Into<String>) {
        match self.result.findings.len() {
            n if n < MAX_FINDINGS => self.result.findings.push(finding.into()),
            MAX_FINDINGS => self.result.findings.push("more findings were left out".into()),
            _ => {}
        }
    }

    /// Looks whether to go on, and shows that the run lives.
    fn check(&self) -> Run<()> {
        self.watch.pulse();
        if self.context.stop() == Stop::No { Ok(()) } else { Err(Fault::cancelled().into()) }
    }
}
