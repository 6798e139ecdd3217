//! Cycles: how children return, after a failure or by order.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Life, Me, Ward};
use crate::ending::{Condemned, stop_in_order};
use crate::mailbox::Letter;
use crate::policy::Restart;
use crate::spec::Strategy;
use crate::supervisor::{Done, Order};
use crate::tree::{GroupDown, Happening, NodeState};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Some members are starting or stopping; when they have, the rest is stopped.
    Clearing,
    Waiting,
    Starting,
}

pub(super) struct Cycle {
    pub(super) round: u64,
    pub(super) members: BTreeSet<usize>,
    pub(super) stage: Stage,
    pub(super) after: Duration,
    pub(super) cause: Option<GroupDown>,
    pub(super) replies: Vec<Done>,
}

impl Ward {
    pub(super) fn begin(
        &mut self,
        me: &Me,
        mut members: BTreeSet<usize>,
        after: Duration,
        cause: Option<GroupDown>,
        mut replies: Vec<Done>,
    ) {
        let children = &self.children;
        for cycle in &mut self.cycles {
            if cycle.members.is_disjoint(&members) {
                continue;
            }
            if self.strategy == Strategy::OneForOne && cycle.members.len() > 1 && members.len() == 1 {
                // The others of an ordered return do not wait for this one.
                cycle.members.retain(|m| !members.contains(m));
            } else {
                let rest = std::mem::take(&mut cycle.members);
                members
                    .extend(rest.into_iter().filter(|m| !matches!(children[*m].life, Life::Running(_) | Life::Left)));
                replies.append(&mut cycle.replies);
            }
        }
        self.cycles.retain(|c| !c.members.is_empty());
        self.rounds += 1;
        self.cycles.push(Cycle { round: self.rounds, members, stage: Stage::Clearing, after, cause, replies });
        self.go_on(me);
    }

    /// Takes every cycle as far as it can go now.
    pub(super) fn go_on(&mut self, me: &Me) {
        if self.escalation.is_some() {
            self.stop_everything(me);
            return;
        }
        for round in self.cycles.iter().map(|c| c.round).collect::<Vec<_>>() {
            if let Some(at) = self.cycles.iter().position(|c| c.round == round) {
                match self.cycles[at].stage {
                    Stage::Clearing => self.clear(me, at),
                    Stage::Waiting => {}
                    Stage::Starting => self.start_next(me, at),
                }
            }
        }
    }

    pub(super) fn clear(&mut self, me: &Me, at: usize) {
        let members = self.cycles[at].members.clone();
        if members.iter().any(|m| matches!(self.children[*m].life, Life::Starting)) {
            return;
        }
        let running: Vec<usize> =
            members.iter().rev().copied().filter(|m| matches!(self.children[*m].life, Life::Running(_))).collect();
        if !running.is_empty() {
            if let Some(cause) = &mut self.cycles[at].cause {
                cause.members.extend(running.iter().rev().map(|m| self.children[*m].spec.name.to_string()));
            }
            self.stop(me, running);
            return;
        }
        if members.iter().any(|m| matches!(self.children[*m].life, Life::Stopping(_))) {
            return;
        }
        for member in members.iter().filter(|m| !matches!(self.children[**m].life, Life::Left)) {
            self.children[*member].node.turn(NodeState::BackingOff);
        }
        let cycle = &mut self.cycles[at];
        cycle.stage = Stage::Waiting;
        let (round, after) = (cycle.round, cycle.after);
        if let Some(mut down) = cycle.cause.clone() {
            down.members.push(down.initiator.clone());
            down.members.sort_by_key(|name| self.children.iter().position(|c| *c.spec.name == **name));
            down.members.dedup();
            self.tree.tell(Happening::GroupDown(down));
        }
        if after.is_zero() {
            self.due(me, round);
        } else {
            me.send_after(after, move || Letter::own(Order::Due { round }));
        }
    }

    pub(super) fn stop(&mut self, me: &Me, children: Vec<usize>) {
        let condemned = children.iter().filter_map(|index| self.condemn(*index)).collect();
        let (me, tree) = (me.clone(), self.tree.clone());
        tokio::spawn(async move {
            stop_in_order(&tree, condemned, false).await;
            let _ = me.send_message(Letter::own(Order::Stopped { children }));
        });
    }

    pub(super) fn condemn(&mut self, index: usize) -> Option<Condemned> {
        let child = &mut self.children[index];
        let (Life::Running(cell) | Life::Stopping(cell)) = &child.life else { return None };
        let cell = cell.clone();
        child.life = Life::Stopping(cell.clone());
        child.node.turn(NodeState::Stopping);
        let within = child.spec.policy.stop_within;
        Some(Condemned { name: child.spec.name.clone(), cell, within, drains: child.spec.drains })
    }

    pub(crate) fn stopped(&mut self, me: &Me, children: &[usize]) {
        for index in children {
            self.gone_child(*index);
        }
        self.go_on(me);
    }

    pub(super) fn gone_child(&mut self, index: usize) {
        let child = &mut self.children[index];
        if matches!(child.life, Life::Stopping(_)) {
            child.life = Life::Away;
            child.node.vacate();
            child.node.turn(NodeState::Stopped);
        }
    }

    pub(crate) fn due(&mut self, me: &Me, round: u64) {
        if self.escalation.is_some() {
            return;
        }
        if let Some(at) = self.cycles.iter().position(|c| c.round == round && c.stage == Stage::Waiting) {
            self.cycles[at].stage = Stage::Starting;
            self.start_next(me, at);
        }
    }

    pub(super) fn start_next(&mut self, me: &Me, at: usize) {
        let by_failure = self.cycles[at].cause.is_some();
        for member in self.cycles[at].members.clone() {
            match self.children[member].life {
                Life::Away if by_failure && self.children[member].spec.policy.restart == Restart::Temporary => {
                    self.children[member].life = Life::Left;
                    self.children[member].node.turn(NodeState::Stopped);
                }
                Life::Away => return self.start(me, member),
                Life::Starting => return,
                Life::Left | Life::Running(_) | Life::Stopping(_) => {}
            }
        }
        for reply in self.cycles.remove(at).replies {
            reply.send(Ok(()));
        }
    }
}
