//! What a supervisor knows of its children, and what it does about them.
//!
//! Every return of children, after a failure or by order, is a *cycle* over a set of them: wait for starts under way, stop
//! those that run (last first), wait the backoff, start (first first). A further failure inside a cycle begins a new one
//! that takes the old one's members over, so two cycles never hold the same child.

mod cycles;
mod stalls;

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use ractor::{ActorCell, ActorId, ActorRef};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::ending::{Condemned, stop_in_order};
use crate::lifeline::Lifeline;
use crate::mailbox::Letter;
use crate::policy::{Exit, Ledger, Verdict, on_exit};
use crate::root::Ending;
use crate::spec::{Birth, ChildSpec, Group, Spawn, StartFailed, Strategy};
use crate::supervisor::{Done, Order};
use crate::tree::{GroupDown, Happening, Node, NodeState, Tree, Unmanageable};
use cycles::Cycle;

pub(crate) type Me = ActorRef<Letter<Order>>;

enum Life {
    /// Not there; a cycle will start it.
    Away,
    /// Not there, and nothing but an order brings it back.
    Left,
    Starting,
    Running(ActorCell),
    Stopping(ActorCell),
}

struct Child {
    spec: ChildSpec,
    node: Arc<Node>,
    ledger: Ledger,
    life: Life,
    lifeline: Option<Lifeline>,
    birth: Option<AbortHandle>,
    /// Last progress seen while messages waited, and since when it has stood still.
    standstill: Option<(i64, Instant)>,
}

struct Escalation {
    child: String,
    restarts: u32,
    within: Duration,
    failure: Option<String>,
    stopping: bool,
}

pub(crate) struct Ward {
    pub(crate) tree: Tree,
    pub(crate) node: Arc<Node>,
    group: Arc<str>,
    strategy: Strategy,
    children: Vec<Child>,
    cycles: Vec<Cycle>,
    rounds: u64,
    began: Instant,
    /// Ends of actors whose start has not been reported yet: supervision events overtake messages.
    early: Vec<(ActorId, Exit, Option<String>)>,
    escalation: Option<Escalation>,
}

impl Ward {
    pub(crate) fn new(group: Group, lifeline: Lifeline) -> Self {
        let (tree, node) = (lifeline.tree.clone(), lifeline.node.clone());
        let children = group.children.into_iter().map(|spec| {
            let node = tree.announce(&spec.name, Some(&group.name), spec.mailbox.as_ref(), spec.group.is_some());
            let (generation, restarts) = node.counts();
            let ledger = Ledger::at(generation, restarts);
            Child { spec, node, ledger, life: Life::Away, lifeline: None, birth: None, standstill: None }
        });
        Self {
            group: group.name.clone(),
            strategy: group.strategy,
            children: children.collect(),
            cycles: Vec::new(),
            rounds: 0,
            began: Instant::now(),
            early: Vec::new(),
            escalation: None,
            tree,
            node,
        }
    }

    // --- first starts

    /// One after the other, so that a child finds those before it. One that fails is left to its policy; with it, in a
    /// group that stands together, those that come after it: a cycle has taken them over.
    pub(crate) async fn start_all(&mut self, me: &Me) {
        for index in 0..self.children.len() {
            let start = self.prepare(me, index);
            let result = start.await;
            self.born(me, index, result);
            let taken_over = self.strategy != Strategy::OneForOne && !self.cycles.is_empty();
            if self.escalation.is_some() || taken_over {
                return;
            }
        }
    }

    /// The next incarnation of a child, ready to be awaited.
    fn prepare(
        &mut self,
        me: &Me,
        index: usize,
    ) -> impl Future<Output = Result<ActorCell, StartFailed>> + Send + use<> {
        let now = self.tree.now();
        let child = &mut self.children[index];
        let generation = child.ledger.next_generation();
        child.node.count(generation, child.ledger.restarts());
        child.node.turn(NodeState::Starting);
        child.node.progressed(now);
        let lifeline = Lifeline::new(self.tree.clone(), child.node.clone(), generation);
        child.lifeline = Some(lifeline.clone());
        child.life = Life::Starting;
        child.standstill = None;
        let birth = Birth { supervisor: me.get_cell(), lifeline };
        give_birth(child.spec.spawn.clone(), birth, child.spec.policy.start_within)
    }

    fn start(&mut self, me: &Me, index: usize) {
        let start = self.prepare(me, index);
        let me = me.clone();
        let task = tokio::spawn(async move {
            let result = start.await;
            // A supervisor that is gone takes the child with it: they are linked.
            let _ = me.send_message(Letter::own(Order::Born { child: index, result }));
        });
        self.children[index].birth = Some(task.abort_handle());
    }

    pub(crate) fn born(&mut self, me: &Me, index: usize, result: Result<ActorCell, StartFailed>) {
        self.children[index].birth = None;
        match result {
            Ok(cell) => {
                let id = cell.get_id();
                let child = &mut self.children[index];
                child.life = Life::Running(cell);
                child.node.turn(NodeState::Running);
                let (name, generation) = (child.spec.name.to_string(), child.ledger.generation());
                self.tree.tell(Happening::Started { name, generation });
                let early = self.early.iter().position(|(early, ..)| *early == id).map(|at| self.early.remove(at));
                if let Some((_, exit, failure)) = early {
                    self.fallen(me, index, exit, failure);
                }
            }
            Err(why) => self.fallen(me, index, Exit::StartFailed, Some(why.0)),
        }
        if !self.children.iter().any(|c| matches!(c.life, Life::Starting)) {
            self.early.clear();
        }
        self.go_on(me);
    }

    // --- ends

    pub(crate) fn ended(&mut self, me: &Me, cell: &ActorCell, exit: Exit, failure: Option<String>) {
        let id = cell.get_id();
        let known = self.children.iter().position(|c| match &c.life {
            Life::Running(cell) | Life::Stopping(cell) => cell.get_id() == id,
            Life::Away | Life::Left | Life::Starting => false,
        });
        match known {
            Some(index) if matches!(self.children[index].life, Life::Running(_)) => {
                self.fallen(me, index, exit, failure);
                self.go_on(me);
            }
            // On its way out by our own order: only a failure while doing so is news.
            Some(index) => {
                if let Some(failure) = failure {
                    self.children[index].node.failed(&failure);
                }
            }
            None if self.children.iter().any(|c| matches!(c.life, Life::Starting)) => {
                self.early.push((id, exit, failure));
            }
            None => {}
        }
    }

    /// A child ended that should not have, or did not come up.
    fn fallen(&mut self, me: &Me, index: usize, exit: Exit, failure: Option<String>) {
        let child = &mut self.children[index];
        let announced = child.lifeline.as_ref().is_some_and(Lifeline::is_finished);
        let exit = if exit == Exit::Vanished && announced { Exit::Finished } else { exit };
        child.life = Life::Away;
        child.node.vacate();
        let name = child.spec.name.to_string();
        self.tree.bury_below(&name);
        if let Some(failure) = &failure {
            child.node.failed(failure);
        } else if exit == Exit::Vanished {
            child.node.failed("it was gone without a word");
        }
        self.tree.tell(Happening::Ended { name: name.clone(), exit, failure: failure.clone() });
        if self.escalation.is_some() {
            child.node.turn(NodeState::Stopped);
            return;
        }
        match on_exit(&mut child.ledger, &child.spec.policy, &exit, self.began.elapsed(), self.tree.roll()) {
            Verdict::Leave => {
                child.life = Life::Left;
                child.node.turn(NodeState::Stopped);
                if exit != Exit::Finished {
                    self.refuse_replies(index, &name, failure.as_deref().unwrap_or(exit.as_str()));
                }
                self.tree.tell(Happening::Left { name });
            }
            Verdict::Escalate { restarts } => {
                let within = child.spec.policy.within;
                self.give_up(Escalation { child: name, restarts, within, failure, stopping: false });
            }
            Verdict::Restart { after, generation } => {
                child.node.count(child.ledger.generation(), child.ledger.restarts());
                child.node.turn(NodeState::BackingOff);
                self.tree.tell(Happening::Restarting { name: name.clone(), after, generation });
                self.refuse_replies(index, &name, failure.as_deref().unwrap_or(exit.as_str()));
                let cause =
                    GroupDown { group: self.group.to_string(), initiator: name, exit, failure, members: Vec::new() };
                let members = self.taken_along(index);
                let cause = (self.strategy != Strategy::OneForOne).then_some(cause);
                self.begin(me, members, after, cause, Vec::new());
            }
        }
    }

    /// Who has to return with this one.
    fn taken_along(&self, index: usize) -> BTreeSet<usize> {
        let all = match self.strategy {
            Strategy::OneForOne => index..index + 1,
            Strategy::OneForAll => 0..self.children.len(),
            Strategy::RestForOne => index..self.children.len(),
        };
        all.filter(|i| *i == index || !matches!(self.children[*i].life, Life::Left)).collect()
    }

    /// An order that asked for this child's return has its answer: not at the first try.
    fn refuse_replies(&mut self, index: usize, name: &str, why: &str) {
        for cycle in self.cycles.iter_mut().filter(|c| c.members.contains(&index)) {
            for reply in cycle.replies.drain(..) {
                reply.send(Err(Unmanageable::NotUp { name: name.to_owned(), why: why.to_owned() }));
            }
        }
    }

    // --- orders

    pub(crate) fn rebuild(&mut self, me: &Me, name: &str, reply: Done) {
        let Some(index) = self.children.iter().position(|c| *c.spec.name == *name) else {
            reply.send(Err(Unmanageable::Unknown(name.to_owned())));
            return;
        };
        let members = self.taken_along(index);
        self.return_by_order(me, members, reply);
    }

    pub(crate) fn reset(&mut self, me: &Me, reply: Done) {
        self.return_by_order(me, (0..self.children.len()).collect(), reply);
    }

    fn return_by_order(&mut self, me: &Me, members: BTreeSet<usize>, reply: Done) {
        if self.escalation.is_some() {
            reply.send(Err(Unmanageable::Unavailable(self.group.to_string())));
            return;
        }
        for member in &members {
            let child = &mut self.children[*member];
            child.ledger.forgive();
            if matches!(child.life, Life::Left) {
                child.life = Life::Away;
            }
        }
        self.begin(me, members, Duration::ZERO, None, vec![reply]);
    }

    // --- giving up

    fn give_up(&mut self, escalation: Escalation) {
        self.node.turn(NodeState::Escalated);
        self.tree.tell(Happening::Escalated {
            group: self.group.to_string(),
            child: escalation.child.clone(),
            restarts: escalation.restarts,
            failure: escalation.failure.clone(),
        });
        self.cycles.clear();
        self.escalation = Some(escalation);
    }

    /// Before it fails upward: the healthy ones are stopped in order, so that they can clean up.
    fn stop_everything(&mut self, me: &Me) {
        let starting = self.children.iter().any(|c| matches!(c.life, Life::Starting));
        let Some(escalation) = self.escalation.as_mut().filter(|e| !e.stopping && !starting) else { return };
        escalation.stopping = true;
        let condemned: Vec<Condemned> =
            (0..self.children.len()).rev().filter_map(|index| self.condemn(index)).collect();
        let (me, tree) = (me.clone(), self.tree.clone());
        tokio::spawn(async move {
            stop_in_order(&tree, condemned, false).await;
            let _ = me.send_message(Letter::own(Order::Gone));
        });
    }

    /// Everything is stopped; the words to fail with.
    pub(crate) fn gone(&mut self) -> String {
        self.all_gone();
        let Some(e) = self.escalation.take() else { return format!("{} ended", self.group) };
        let why = e.failure.as_deref().unwrap_or("no reason known");
        let text = format!("{} spent its {} restarts within {} s: {why}", e.child, e.restarts, e.within.as_secs());
        self.node.ends(Ending::Escalated { child: e.child, restarts: e.restarts, failure: e.failure });
        text
    }

    pub(crate) fn condemn_all(&mut self) -> Vec<Condemned> {
        self.cycles.clear();
        for child in &mut self.children {
            if let Some(birth) = child.birth.take() {
                birth.abort();
            }
        }
        (0..self.children.len()).rev().filter_map(|index| self.condemn(index)).collect()
    }

    pub(crate) fn all_gone(&mut self) {
        for child in &mut self.children {
            child.life = Life::Away;
            child.node.vacate();
            child.node.turn(NodeState::Stopped);
        }
    }
}

async fn give_birth(spawn: Spawn, birth: Birth, within: Duration) -> Result<ActorCell, StartFailed> {
    let start = AssertUnwindSafe(async move { spawn(birth).await }).catch_unwind();
    match tokio::time::timeout(within, start).await {
        Ok(Ok(result)) => result,
        Ok(Err(panic)) => Err(StartFailed(panic_text(panic.as_ref()))),
        Err(_) => Err(StartFailed(format!("it did not start within {} ms", within.as_millis()))),
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("panicked while starting: {}", text.unwrap_or("no words"))
}
