//! The shell: an actor that turns ends and orders into verdicts of the policy, and never waits in a handler. Starting,
//! stopping and waiting run beside it and come back as messages.

use std::sync::Arc;

use ractor::{Actor, ActorCell, ActorProcessingErr, SupervisionEvent};

use crate::ending::{KILL_GRACE, stop_in_order};
use crate::lifeline::Lifeline;
use crate::mailbox::{Letter, Reply};
use crate::policy::Exit;
use crate::root::Ending;
use crate::spec::{Group, StartFailed};
use crate::tree::{NodeState, Unmanageable};
use crate::ward::{Me, Ward};

pub(crate) type Done = Reply<Result<(), Unmanageable>>;

pub(crate) enum Order {
    Rebuild {
        child: Arc<str>,
        reply: Done,
    },
    Reset {
        reply: Done,
    },
    /// A start has come to an end.
    Born {
        child: usize,
        result: Result<ActorCell, StartFailed>,
    },
    /// These have been stopped.
    Stopped {
        children: Vec<usize>,
    },
    /// The waiting time of a cycle is over; stale when the cycle has moved on.
    Due {
        round: u64,
    },
    /// Time to look for children that make no progress.
    Look,
    /// Everything is stopped: give up now.
    Gone,
}

pub(crate) struct Supervisor;

impl Actor for Supervisor {
    type Msg = Letter<Order>;
    type State = Ward;
    type Arguments = (Group, Lifeline);

    async fn pre_start(&self, me: Me, (group, lifeline): Self::Arguments) -> Result<Ward, ActorProcessingErr> {
        lifeline.node.supervised_by(me.clone());
        let mut ward = Ward::new(group, lifeline);
        ward.start_all(&me).await;
        ward.look_out(&me);
        Ok(ward)
    }

    async fn post_start(&self, _: Me, ward: &mut Ward) -> Result<(), ActorProcessingErr> {
        ward.node.turn(NodeState::Running);
        Ok(())
    }

    async fn handle(&self, me: Me, letter: Self::Msg, ward: &mut Ward) -> Result<(), ActorProcessingErr> {
        match letter.open() {
            Order::Rebuild { child, reply } => ward.rebuild(&me, &child, reply),
            Order::Reset { reply } => ward.reset(&me, reply),
            Order::Born { child, result } => ward.born(&me, child, result),
            Order::Stopped { children } => ward.stopped(&me, &children),
            Order::Due { round } => ward.due(&me, round),
            Order::Look => ward.look(),
            Order::Gone => return Err(ward.gone().into()),
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        me: Me,
        event: SupervisionEvent,
        ward: &mut Ward,
    ) -> Result<(), ActorProcessingErr> {
        match event {
            SupervisionEvent::ActorFailed(cell, error) => ward.ended(&me, &cell, Exit::Failed, Some(error.to_string())),
            SupervisionEvent::ActorTerminated(cell, _, _) => ward.ended(&me, &cell, Exit::Vanished, None),
            SupervisionEvent::ActorStarted(_) | SupervisionEvent::ProcessGroupChanged(_) => {}
        }
        Ok(())
    }

    /// Asked to stop: children go in reverse start order, each within its deadline.
    async fn post_stop(&self, me: Me, ward: &mut Ward) -> Result<(), ActorProcessingErr> {
        ward.node.turn(NodeState::Stopping);
        let condemned = ward.condemn_all();
        stop_in_order(&ward.tree, condemned, true).await;
        // One whose start was cut off may have been linked already.
        for cell in me.get_cell().get_children() {
            let _ = cell.kill_and_wait(Some(KILL_GRACE)).await;
        }
        ward.all_gone();
        ward.node.turn(NodeState::Stopped);
        ward.node.ends(Ending::Stopped);
        Ok(())
    }
}
