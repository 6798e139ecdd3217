//! A tree, described: children in start order, each with its policy written next to it.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use ractor::{Actor, ActorCell, SpawnErr};

use crate::ending::KILL_GRACE;
use crate::lifeline::Lifeline;
use crate::mailbox::{Letter, Mailbox, Queue};
use crate::policy::{Policy, Restart};
use crate::supervisor::Supervisor;

/// Who else falls when one child of a group fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// Nobody.
    OneForOne,
    /// All: they share something that none can go on without. They are stopped, and return together when all are dead.
    OneForAll,
    /// Those that were started after it, because they lean on it.
    RestForOne,
}

/// What a spawn closure gets.
#[derive(Clone, Debug)]
pub struct Birth {
    /// The actor must be linked to this one (`spawn_linked`).
    pub supervisor: ActorCell,
    pub lifeline: Lifeline,
}

/// Why a child could not be started, in words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct StartFailed(pub String);

impl From<SpawnErr> for StartFailed {
    fn from(e: SpawnErr) -> Self {
        Self(match e {
            SpawnErr::StartupFailed(why) => why.to_string(),
            other => other.to_string(),
        })
    }
}

impl From<String> for StartFailed {
    fn from(why: String) -> Self {
        Self(why)
    }
}

impl From<&str> for StartFailed {
    fn from(why: &str) -> Self {
        Self(why.to_owned())
    }
}

pub(crate) type Spawn = Arc<dyn Fn(Birth) -> BoxFuture<'static, Result<ActorCell, StartFailed>> + Send + Sync>;

/// One child: how it is started, again and again, and what is done about its end.
#[derive(Clone)]
pub struct ChildSpec {
    pub(crate) name: Arc<str>,
    pub(crate) spawn: Spawn,
    pub(crate) policy: Policy,
    pub(crate) mailbox: Option<Arc<dyn Queue>>,
    /// Asked to stop, it first handles what waits in its mailbox.
    pub(crate) drains: bool,
    pub(crate) stalls_after: Option<Duration>,
    pub(crate) group: Option<Group>,
}

impl ChildSpec {
    /// Any actor. `spawn` makes one incarnation, linked to `Birth::supervisor`, and must come back soon: `pre_start`
    /// stores arguments, slow setup is a message.
    pub fn new(
        name: impl Into<Arc<str>>,
        spawn: impl Fn(Birth) -> BoxFuture<'static, Result<ActorCell, StartFailed>> + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            spawn: Arc::new(spawn),
            policy: Policy::default(),
            mailbox: None,
            drains: false,
            stalls_after: None,
            group: None,
        }
    }

    /// The usual child: an actor that lives at `mailbox`, and is named after it. `make` gives handler and arguments of one
    /// incarnation.
    pub fn actor<M, A>(
        mailbox: &Mailbox<M>,
        make: impl Fn(Lifeline) -> Result<(A, A::Arguments), StartFailed> + Send + Sync + 'static,
    ) -> Self
    where
        M: Send + 'static,
        A: Actor<Msg = Letter<M>>,
    {
        let home = mailbox.clone();
        let make = Arc::new(make);
        let spawn = move |birth: Birth| -> BoxFuture<'static, Result<ActorCell, StartFailed>> {
            let (home, make) = (home.clone(), make.clone());
            Box::pin(async move {
                let (handler, arguments) = make(birth.lifeline)?;
                // Unnamed: ractor's registry is one per process, our names are one per tree.
                let (actor, _) = A::spawn_linked(None, handler, arguments, birth.supervisor).await?;
                home.settle(actor.clone());
                Ok(actor.get_cell())
            })
        };
        let mut spec = Self::new(mailbox.name().clone(), spawn);
        spec.mailbox = Some(Arc::new(mailbox.clone()));
        spec
    }

    /// A whole group as one child. Its time to stop and to start is what its own children may need together.
    pub fn group(group: Group) -> Self {
        let (name, inside) = (group.name.clone(), group.clone());
        let policy =
            Policy { stop_within: group.time_to_stop(), start_within: group.time_to_start(), ..Policy::default() };
        let spawn = move |birth: Birth| -> BoxFuture<'static, Result<ActorCell, StartFailed>> {
            let group = inside.clone();
            Box::pin(async move {
                let supervisor = birth.supervisor.clone();
                let (actor, _) =
                    Supervisor::spawn_linked(None, Supervisor, (group, birth.lifeline), supervisor).await?;
                Ok(actor.get_cell())
            })
        };
        let mut spec = Self::new(name, spawn);
        spec.policy = policy;
        spec.group = Some(group);
        spec
    }

    pub fn name(&self) -> &str {
        &self.name
    }
    pub fn policy(&self) -> &Policy {
        &self.policy
    }
    pub fn on_failure(mut self, restart: Restart) -> Self {
        self.policy.restart = restart;
        self
    }
    /// At most `restarts` within `within`; one more escalates.
    pub fn limit(mut self, restarts: u32, within: Duration) -> Self {
        (self.policy.limit, self.policy.within) = (restarts, within);
        self
    }
    pub fn backoff(mut self, waits: Range<Duration>) -> Self {
        (self.policy.backoff_from, self.policy.backoff_to) = (waits.start, waits.end);
        self
    }
    pub fn stop_within(mut self, deadline: Duration) -> Self {
        self.policy.stop_within = deadline;
        self
    }
    pub fn start_within(mut self, deadline: Duration) -> Self {
        self.policy.start_within = deadline;
        self
    }
    /// Asked to stop, it first handles what waits in its mailbox (within the same deadline).
    pub fn drains(mut self) -> Self {
        self.drains = true;
        self
    }
    /// With messages waiting and no progress reported for this long, it is killed and counts as vanished. Only for
    /// children that report progress at every message.
    pub fn stalls_after(mut self, span: Duration) -> Self {
        self.stalls_after = Some(span);
        self
    }
}

impl std::fmt::Debug for ChildSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChildSpec").field("name", &self.name).field("policy", &self.policy).finish_non_exhaustive()
    }
}

/// What is wrong with a description of a tree.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    #[error("two nodes of the tree are called {0:?}: names must be unique in a tree")]
    DuplicateName(String),
    #[error("a node of the tree has no name")]
    NoName,
    #[error("{name}: {what}")]
    Policy { name: String, what: &'static str },
}

/// A supervisor and its children, in start order.
#[derive(Clone, Debug)]
pub struct Group {
    pub(crate) name: Arc<str>,
    pub(crate) strategy: Strategy,
    pub(crate) children: Vec<ChildSpec>,
}

impl Group {
    pub fn new(name: impl Into<Arc<str>>, strategy: Strategy) -> Self {
        Self { name: name.into(), strategy, children: Vec::new() }
    }
    /// Started after those before it, stopped before them.
    #[must_use]
    pub fn child(mut self, spec: ChildSpec) -> Self {
        self.children.push(spec);
        self
    }
    pub fn name(&self) -> &str {
        &self.name
    }
    /// The longest that an ordered stop takes when every child has to be killed.
    pub fn time_to_stop(&self) -> Duration {
        let each = self.children.iter().map(|c| c.policy.stop_within.saturating_add(KILL_GRACE));
        each.fold(Duration::from_secs(1), Duration::saturating_add)
    }
    pub fn time_to_start(&self) -> Duration {
        let each = self.children.iter().map(|c| c.policy.start_within);
        each.fold(Duration::from_secs(1), Duration::saturating_add)
    }
    /// Names are unique, limits make sense. Done by [`crate::Tree::grow`].
    pub fn check(&self) -> Result<(), SpecError> {
        self.check_into(&mut BTreeSet::new())
    }
    fn check_into<'a>(&'a self, seen: &mut BTreeSet<&'a str>) -> Result<(), SpecError> {
        claim(&self.name, seen)?;
        for child in &self.children {
            let wrong = |what| Err(SpecError::Policy { name: child.name.to_string(), what });
            if child.policy.backoff_from > child.policy.backoff_to {
                return wrong("the first waiting time is longer than the longest one");
            }
            if child.policy.within.is_zero() {
                return wrong("restarts are counted within no time at all");
            }
            if child.policy.start_within.is_zero() {
                return wrong("it has no time to start");
            }
            match &child.group {
                Some(group) if child.policy.stop_within < group.time_to_stop() => {
                    return wrong("its children may need longer to stop than it has");
                }
                Some(group) => group.check_into(seen)?,
                None => claim(&child.name, seen)?,
            }
        }
        Ok(())
    }
}

fn claim<'a>(name: &'a str, seen: &mut BTreeSet<&'a str>) -> Result<(), SpecError> {
    if name.is_empty() {
        return Err(SpecError::NoName);
    }
    if !seen.insert(name) {
        return Err(SpecError::DuplicateName(name.to_owned()));
    }
    Ok(())
}
