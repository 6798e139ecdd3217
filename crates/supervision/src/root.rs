//! The tree's handle for the process that owns it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ractor::{Actor, ActorRef};
use tokio::sync::watch;

use crate::ending::KILL_GRACE;
use crate::lifeline::Lifeline;
use crate::mailbox::Letter;
use crate::spec::{Group, SpecError};
use crate::supervisor::{Order, Supervisor};
use crate::tree::{NodeState, NodeView, Tree, Unmanageable};

/// How a tree ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// In order, as asked.
    Stopped,
    /// A child of the root spent its restarts; all others were stopped in order.
    Escalated { child: String, restarts: u32, failure: Option<String> },
    /// The root itself died, or did not stop in time and was killed: children ended without a chance to clean up.
    Killed,
}

/// A grown tree. Dropping the handle leaves the tree alone.
pub struct Root {
    tree: Tree,
    name: Arc<str>,
    actor: ActorRef<Letter<Order>>,
    time_to_stop: Duration,
    ending: watch::Receiver<Option<Ending>>,
}

/// Why a tree did not grow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Ungrown {
    #[error(transparent)]
    Spec(#[from] SpecError),
    #[error("the root supervisor could not be started: {0}")]
    Start(String),
}

pub(crate) type Verdict = Arc<Mutex<Option<Ending>>>;

impl Tree {
    /// Starts a whole tree and comes back when every child has been started once or has failed to; those that failed are
    /// tried again by their policies.
    pub async fn grow(&self, group: Group) -> Result<Root, Ungrown> {
        group.check()?;
        let node = self.announce(&group.name, None, None, true);
        node.count(1, 0);
        node.turn(NodeState::Starting);
        let (name, time_to_stop) = (group.name.clone(), group.time_to_stop());
        let lifeline = Lifeline::new(self.clone(), node.clone(), 1);
        let verdict: Verdict = Arc::default();
        lifeline.node.keep_ending(verdict.clone());
        let (actor, task) =
            Supervisor::spawn(None, Supervisor, (group, lifeline)).await.map_err(|e| Ungrown::Start(e.to_string()))?;
        let (sender, ending) = watch::channel(None);
        let tree = self.clone();
        let root = name.clone();
        tokio::spawn(async move {
            // A panic of the task itself is an end like any other.
            let _ = task.await;
            let how = verdict.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or(Ending::Killed);
            node.vacate();
            if !matches!(how, Ending::Escalated { .. }) {
                node.turn(NodeState::Stopped);
            }
            tree.bury_below(&root);
            sender.send_replace(Some(how));
        });
        Ok(Root { tree: self.clone(), name, actor, time_to_stop, ending })
    }
}

impl Root {
    pub fn tree(&self) -> &Tree {
        &self.tree
    }
    pub fn view(&self) -> Vec<NodeView> {
        self.tree.view()
    }
    pub async fn rebuild(&self, name: &str) -> Result<(), Unmanageable> {
        self.tree.rebuild(name).await
    }
    pub async fn reset(&self, group: &str) -> Result<(), Unmanageable> {
        self.tree.reset(group).await
    }
    /// All children of the root, stopped in reverse order and started again.
    pub async fn reboot(&self) -> Result<(), Unmanageable> {
        self.tree.reset(&self.name).await
    }
    /// Waits for the end, however it comes.
    pub async fn ended(&self) -> Ending {
        let mut ending = self.ending.clone();
        match ending.wait_for(Option::is_some).await {
            Ok(how) => how.clone().unwrap_or(Ending::Killed),
            Err(_) => Ending::Killed,
        }
    }
    /// Stops everything in reverse start order, each child within its deadline, and waits for it.
    pub async fn stop(&self) -> Ending {
        self.actor.stop(None);
        if let Ok(how) = tokio::time::timeout(self.time_to_stop.saturating_add(KILL_GRACE), self.ended()).await {
            return how;
        }
        self.actor.kill();
        self.ended().await
    }
}
