//! The tree as it is now: every supervisor writes here what it does, anybody reads it without asking an actor.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use omniva_contracts::engine::Moment;
use omniva_contracts::ports::{Clock, Dice};
use ractor::ActorRef;

use crate::mailbox::{Letter, Queue, Reply};
use crate::policy::Exit;
use crate::root::{Ending, Verdict};
use crate::supervisor::Order;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeState {
    Starting,
    Running,
    /// Waits before it is started again, alone or with its group.
    BackingOff,
    Stopping,
    Stopped,
    /// A supervisor that gave up.
    Escalated,
}

impl NodeState {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Running => "running",
            Self::BackingOff => "backing_off",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::Escalated => "escalated",
        }
    }
}

/// One node of [`Tree::view`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeView {
    pub name: String,
    pub parent: Option<String>,
    pub state: NodeState,
    /// Starts so far.
    pub generation: u64,
    /// Restarts that its policy granted.
    pub restarts: u64,
    /// Messages that wait; 0 for a supervisor.
    pub mailbox: u64,
    pub mailbox_limit: Option<u64>,
    pub last_progress: Option<Moment>,
    pub last_failure: Option<String>,
}

/// A crash group is down: all members that had to die are dead, none has returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupDown {
    pub group: String,
    pub initiator: String,
    pub exit: Exit,
    pub failure: Option<String>,
    /// All that were stopped, and the initiator.
    pub members: Vec<String>,
}

/// What supervisors do, as it happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    Started {
        name: String,
        generation: u64,
    },
    /// Unasked.
    Ended {
        name: String,
        exit: Exit,
        failure: Option<String>,
    },
    /// It will be started again after this time.
    Restarting {
        name: String,
        after: Duration,
        generation: u64,
    },
    /// It ended, and stays away by its policy.
    Left {
        name: String,
    },
    GroupDown(GroupDown),
    /// Asked to stop, it did not within its deadline, and was killed.
    Overdue {
        name: String,
        within: Duration,
    },
    /// Killed and still there: it is in code that cannot be interrupted. Nothing is started in its place before it ends.
    Stuck {
        name: String,
    },
    /// Messages waited and no progress came; it was killed.
    Stalled {
        name: String,
        silent: Duration,
    },
    Escalated {
        group: String,
        child: String,
        restarts: u32,
        failure: Option<String>,
    },
    /// As ordered.
    Stopped {
        name: String,
    },
}

/// Told of every happening, from inside a supervisor: it must not wait. This is the only word of a supervisor: it writes
/// no log of its own.
pub trait Watcher: Send + Sync {
    fn saw(&self, happening: &Happening);
}

/// Watches nothing.
pub struct Quiet;

impl Watcher for Quiet {
    fn saw(&self, _: &Happening) {}
}

/// Why a manual measure was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unmanageable {
    #[error("no node of the tree is called {0:?}")]
    Unknown(String),
    #[error("{0} is no group: rebuild it instead")]
    NoGroup(String),
    #[error("{0} is the root: reboot it instead")]
    IsRoot(String),
    /// The supervisor is down, stopping or escalating.
    #[error("the supervisor {0} does not take orders now")]
    Unavailable(String),
    /// It was stopped, and did not come up at the first try; its policy goes on trying.
    #[error("{name} did not come up again: {why}")]
    NotUp { name: String, why: String },
}

const NEVER: i64 = i64::MIN;

/// What is known of one node.
pub(crate) struct Node {
    name: Arc<str>,
    parent: Option<Arc<str>>,
    mailbox: Option<Arc<dyn Queue>>,
    is_group: bool,
    generation: AtomicU64,
    restarts: AtomicU64,
    last_progress: AtomicI64,
    protected_until: AtomicI64,
    state: Mutex<(NodeState, Option<String>)>,
    /// Only for a supervisor that lives.
    supervisor: Mutex<Option<ActorRef<Letter<Order>>>>,
    /// Only for the root: where it leaves word how it ended.
    ending: Mutex<Option<Verdict>>,
}

impl Node {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.generation.load(Ordering::Relaxed), self.restarts.load(Ordering::Relaxed))
    }
    pub(crate) fn count(&self, generation: u64, restarts: u64) {
        self.generation.store(generation, Ordering::Relaxed);
        self.restarts.store(restarts, Ordering::Relaxed);
    }
    pub(crate) fn turn(&self, state: NodeState) {
        self.state().0 = state;
    }
    pub(crate) fn failed(&self, failure: &str) {
        self.state().1 = Some(failure.to_owned());
    }
    pub(crate) fn progressed(&self, at: Moment) {
        self.last_progress.fetch_max(at.0, Ordering::Relaxed);
    }
    pub(crate) fn protect(&self, until: Moment) {
        self.protected_until.fetch_max(until.0, Ordering::Relaxed);
    }
    pub(crate) fn unprotect(&self, at: Moment) {
        self.protected_until.store(NEVER, Ordering::Relaxed);
        self.progressed(at);
    }
    /// Messages wait and no long call is announced: the time of its last progress, in microseconds.
    pub(crate) fn owes_progress(&self, now: Moment) -> Option<i64> {
        let waiting = self.mailbox.as_ref().is_some_and(|m| !m.is_empty());
        let protected = self.protected_until.load(Ordering::Relaxed) > now.0;
        (waiting && !protected).then(|| self.last_progress.load(Ordering::Relaxed))
    }
    pub(crate) fn vacate(&self) {
        if let Some(mailbox) = &self.mailbox {
            mailbox.vacate();
        }
        *self.supervisor.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
    pub(crate) fn supervised_by(&self, actor: ActorRef<Letter<Order>>) {
        *self.supervisor.lock().unwrap_or_else(PoisonError::into_inner) = Some(actor);
    }
    pub(crate) fn keep_ending(&self, place: Verdict) {
        *self.ending.lock().unwrap_or_else(PoisonError::into_inner) = Some(place);
    }
    /// The first word counts.
    pub(crate) fn ends(&self, how: Ending) {
        let place = self.ending.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(place) = place {
            place.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(how);
        }
    }
    fn state(&self) -> MutexGuard<'_, (NodeState, Option<String>)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
    fn view(&self) -> NodeView {
        let (state, last_failure) = self.state().clone();
        let (generation, restarts) = self.counts();
        let last = self.last_progress.load(Ordering::Relaxed);
        let small = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        NodeView {
            name: self.name.to_string(),
            parent: self.parent.as_ref().map(|p| p.to_string()),
            state,
            generation,
            restarts,
            mailbox: self.mailbox.as_ref().map_or(0, |m| small(m.len())),
            mailbox_limit: self.mailbox.as_ref().map(|m| small(m.limit())),
            last_progress: (last != NEVER).then_some(Moment(last)),
            last_failure,
        }
    }
}

struct Shared {
    clock: Arc<dyn Clock + Send + Sync>,
    dice: Mutex<Box<dyn Dice + Send>>,
    watcher: Arc<dyn Watcher>,
    nodes: RwLock<Nodes>,
}

#[derive(Default)]
struct Nodes {
    by_name: BTreeMap<Arc<str>, Arc<Node>>,
    /// In the order in which they were first announced: parents before children, children in start order.
    order: Vec<Arc<Node>>,
}

/// The living tree. Cloning gives another handle on the same one.
#[derive(Clone)]
pub struct Tree(Arc<Shared>);

impl Tree {
    pub fn new(
        clock: Arc<dyn Clock + Send + Sync>,
        dice: impl Dice + Send + 'static,
        watcher: Arc<dyn Watcher>,
    ) -> Self {
        Self(Arc::new(Shared { clock, dice: Mutex::new(Box::new(dice)), watcher, nodes: RwLock::default() }))
    }

    /// Every node, parents before children, children in start order.
    pub fn view(&self) -> Vec<NodeView> {
        let nodes = self.0.nodes.read().unwrap_or_else(PoisonError::into_inner);
        nodes.order.iter().map(|node| node.view()).collect()
    }
    pub fn node(&self, name: &str) -> Option<NodeView> {
        self.find(name).map(|node| node.view())
    }

    /// Soft rebuild: stops one child in order and starts a new incarnation, with those that its group's strategy takes
    /// along. Its past failures no longer count. Comes back when it is up again.
    pub async fn rebuild(&self, name: &str) -> Result<(), Unmanageable> {
        let node = self.find(name).ok_or_else(|| Unmanageable::Unknown(name.to_owned()))?;
        let parent = node.parent.as_ref().ok_or_else(|| Unmanageable::IsRoot(name.to_owned()))?;
        let child = node.name.clone();
        self.order(parent, |reply| Order::Rebuild { child, reply }).await
    }
    /// Stops all children of a group in order and starts them again; past failures no longer count.
    pub async fn reset(&self, group: &str) -> Result<(), Unmanageable> {
        self.order(group, |reply| Order::Reset { reply }).await
    }

    async fn order(
        &self,
        group: &str,
        make: impl FnOnce(Reply<Result<(), Unmanageable>>) -> Order,
    ) -> Result<(), Unmanageable> {
        let node = self.find(group).ok_or_else(|| Unmanageable::Unknown(group.to_owned()))?;
        let away = || Unmanageable::Unavailable(group.to_owned());
        let supervisor = node.supervisor.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if !node.is_group {
            return Err(Unmanageable::NoGroup(group.to_owned()));
        }
        let Some(supervisor) = supervisor else { return Err(away()) };
        // As many orders wait as there are callers: each of them waits for its answer.
        let (reply, answer) = Reply::pair();
        supervisor.send_message(Letter::own(make(reply))).map_err(|_| away())?;
        answer.await.unwrap_or_else(|_| Err(away()))
    }

    pub(crate) fn now(&self) -> Moment {
        Moment(self.0.clock.now_us())
    }
    pub(crate) fn roll(&self) -> f64 {
        self.0.dice.lock().unwrap_or_else(PoisonError::into_inner).roll()
    }
    /// A watcher that panics must not take a supervisor with it, nor the tree below.
    pub(crate) fn tell(&self, happening: Happening) {
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.0.watcher.saw(&happening)));
    }
    /// Finds or makes the node of this name.
    pub(crate) fn announce(
        &self,
        name: &Arc<str>,
        parent: Option<&Arc<str>>,
        mailbox: Option<&Arc<dyn Queue>>,
        is_group: bool,
    ) -> Arc<Node> {
        let mut nodes = self.0.nodes.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(node) = nodes.by_name.get(name) {
            return node.clone();
        }
        let node = Arc::new(Node {
            name: name.clone(),
            parent: parent.cloned(),
            mailbox: mailbox.cloned(),
            is_group,
            generation: AtomicU64::new(0),
            restarts: AtomicU64::new(0),
            last_progress: AtomicI64::new(NEVER),
            protected_until: AtomicI64::new(NEVER),
            state: Mutex::new((NodeState::Stopped, None)),
            supervisor: Mutex::new(None),
            ending: Mutex::new(None),
        });
        nodes.by_name.insert(name.clone(), node.clone());
        nodes.order.push(node.clone());
        node
    }
    /// All below `name` are gone: their supervisor ended without stopping them.
    pub(crate) fn bury_below(&self, name: &str) {
        let nodes = self.0.nodes.read().unwrap_or_else(PoisonError::into_inner);
        let mut dead: Vec<&str> = vec![name];
        for node in &nodes.order {
            if node.parent.as_deref().is_some_and(|parent| dead.contains(&parent)) {
                dead.push(&node.name);
                node.vacate();
                if node.state().0 != NodeState::Escalated {
                    node.turn(NodeState::Stopped);
                }
            }
        }
    }
    fn find(&self, name: &str) -> Option<Arc<Node>> {
        let nodes = self.0.nodes.read().unwrap_or_else(PoisonError::into_inner);
        nodes.by_name.get(name).cloned()
    }
}

impl std::fmt::Debug for Tree {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tree").finish_non_exhaustive()
    }
}
