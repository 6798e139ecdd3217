//! The engine as the API and the command line see it.

use std::time::Duration;

use async_trait::async_trait;
use omniva_contracts::engine::LearningOverview;
use omniva_supervision::NodeState;
use tokio::sync::watch;

use super::Engine;
use crate::infra::store_writer;
use crate::office::{ActorView, Asked, Granted, LimitView, Office, Refusal};
use crate::zenith;

/// Zenith's own limit for a command is shorter.
const ANSWER: Duration = Duration::from_secs(30);
const HEALTH: Duration = Duration::from_secs(2);

#[async_trait]
impl Office for Engine {
    async fn ask(&self, asked: Asked) -> Result<Granted, Refusal> {
        if *self.stopping.borrow() {
            return Err(Refusal {
                retry_after: Some(10),
                ..Refusal::new(503, "ENGINE_STOPPING", "the engine is stopping")
            });
        }
        self.kit.wires.zenith.up(HEALTH).await;
        let answer = self.kit.wires.zenith.ask(|reply| zenith::Msg::Ask(Box::new(asked), reply), ANSWER).await;
        answer.unwrap_or_else(|down| {
            let message = format!("{down}: try again in a moment");
            Err(Refusal { retry_after: Some(2), ..Refusal::new(503, "ENGINE_UNAVAILABLE", message) })
        })
    }

    async fn actors(&self) -> Result<Vec<ActorView>, Refusal> {
        let nodes = self.root.view();
        Ok(nodes
            .into_iter()
            .map(|node| ActorView {
                name: node.name,
                parent: node.parent,
                state: node.state.as_str().to_owned(),
                generation: node.generation,
                restarts: node.restarts,
                mailbox: node.mailbox,
                last_progress: node.last_progress,
                last_failure: node.last_failure,
            })
            .collect())
    }

    async fn limits(&self) -> Result<Vec<LimitView>, Refusal> {
        crate::slots::limits(self.kit.reader.as_ref(), &self.kit.config, self.kit.now())
            .await
            .map_err(|fault| crate::office::fault_refusal(&fault))
    }

    async fn learning(&self) -> Result<LearningOverview, Refusal> {
        crate::learnt::overview(self.kit.reader.as_ref(), &self.kit.config, &self.kit.personas, self.kit.now())
            .await
            .map_err(|fault| crate::office::fault_refusal(&fault))
    }

    fn committed(&self) -> watch::Receiver<u64> {
        self.kit.committed.subscribe()
    }

    async fn readiness(&self) -> Vec<(String, Option<String>)> {
        let stopping = self.stopping.borrow().then(|| "it is stopping".to_owned());
        let read = match tokio::time::timeout(HEALTH, self.kit.reader.health()).await {
            Ok(Ok(())) => None,
            Ok(Err(fault)) => Some(fault.to_string()),
            Err(_) => Some(format!("no answer within {} s", HEALTH.as_secs())),
        };
        let written = match self.kit.wires.store_writer.ask(store_writer::Msg::Status, HEALTH).await {
            Ok(fault) => fault.map(|fault| fault.to_string()),
            Err(down) => Some(down.to_string()),
        };
        let mut parts =
            vec![("engine".to_owned(), stopping), ("store".to_owned(), read), ("store-writer".to_owned(), written)];
        let unwell = self.root.view().into_iter().filter(|node| node.state != NodeState::Running);
        parts.extend(unwell.map(|node| (node.name, Some(node.state.as_str().to_owned()))));
        parts
    }
}
