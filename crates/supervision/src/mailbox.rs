//! The address of an actor that outlives its restarts, and the bound on what may wait there.
//!
//! ractor's own mailboxes have no limit. Here every message carries a permit of its mailbox, returned when the actor takes
//! the message or when the queue is dropped with a dead actor; with no permit left, sending is refused at once.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use ractor::ActorRef;
use ractor::ActorStatus;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// A message on its way, with its place in the mailbox. Actors have `type Msg = Letter<TheirMsg>` and begin `handle` with
/// [`Letter::open`].
pub struct Letter<M> {
    message: M,
    place: Option<OwnedSemaphorePermit>,
}

impl<M> Letter<M> {
    /// Takes the message out and gives its place in the mailbox back.
    pub fn open(self) -> M {
        drop(self.place);
        self.message
    }
    /// A message of an actor to itself (timers): it takes no place, because its sender is its reader.
    pub fn own(message: M) -> Self {
        Self { message, place: None }
    }
}

impl<M> From<M> for Letter<M> {
    fn from(message: M) -> Self {
        Self::own(message)
    }
}

impl<M> fmt::Debug for Letter<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Letter").field("counted", &self.place.is_some()).finish_non_exhaustive()
    }
}

/// Why a message was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Not started yet, between two incarnations, or stopped. Try again after the supervisor has acted.
    #[error("{name} is down")]
    Down { name: Arc<str> },
    /// It has as much to do as it may have waiting. Do less, or leave the work where it is.
    #[error("the mailbox of {name} is full ({limit} messages)")]
    Full { name: Arc<str>, limit: usize },
}

/// A message that was not taken, given back.
#[derive(thiserror::Error)]
#[error("{why}")]
pub struct Undelivered<M> {
    pub why: Refused,
    pub message: M,
}

impl<M> fmt::Debug for Undelivered<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Undelivered").field("why", &self.why).finish_non_exhaustive()
    }
}

/// Why a question got no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error("{name} did not answer within {} ms", after.as_millis())]
    TimedOut { name: Arc<str>, after: Duration },
    /// The actor ended before it answered, or dropped the question. Whether it acted on it is unknown.
    #[error("{name} ended or dropped the question before it answered")]
    Dropped { name: Arc<str> },
}

/// Where an actor puts its answer.
#[derive(Debug)]
pub struct Reply<T>(oneshot::Sender<T>);

impl<T> Reply<T> {
    pub fn pair() -> (Self, oneshot::Receiver<T>) {
        let (sender, receiver) = oneshot::channel();
        (Self(sender), receiver)
    }
    /// Answers. False when nobody waits any more.
    pub fn send(self, answer: T) -> bool {
        self.0.send(answer).is_ok()
    }
    /// The one who asked has gone.
    pub fn is_closed(&self) -> bool {
        self.0.is_closed()
    }
}

struct Inner<M: Send + 'static> {
    name: Arc<str>,
    limit: usize,
    places: Arc<Semaphore>,
    current: RwLock<Option<ActorRef<Letter<M>>>>,
}

/// A stable, cheaply cloned address of one actor.
pub struct Mailbox<M: Send + 'static>(Arc<Inner<M>>);

impl<M: Send + 'static> Clone for Mailbox<M> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<M: Send + 'static> fmt::Debug for Mailbox<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailbox").field("name", &self.0.name).field("len", &self.len()).finish_non_exhaustive()
    }
}

impl<M: Send + 'static> Mailbox<M> {
    /// An address that nobody lives at yet. At most `limit` messages wait there (at least 1).
    pub fn new(name: impl Into<Arc<str>>, limit: usize) -> Self {
        let limit = limit.clamp(1, Semaphore::MAX_PERMITS);
        Self(Arc::new(Inner {
            name: name.into(),
            limit,
            places: Arc::new(Semaphore::new(limit)),
            current: RwLock::new(None),
        }))
    }
    pub fn name(&self) -> &Arc<str> {
        &self.0.name
    }
    pub fn limit(&self) -> usize {
        self.0.limit
    }
    /// Messages that wait (without the one in hand).
    pub fn len(&self) -> usize {
        self.0.limit.saturating_sub(self.0.places.available_permits())
    }
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    pub fn is_up(&self) -> bool {
        self.resident().is_some()
    }

    /// Hands the message over or refuses it at once; never waits.
    pub fn send(&self, message: M) -> Result<(), Refused> {
        self.try_send(message).map_err(|undelivered| undelivered.why)
    }

    /// As [`Mailbox::send`], and gives a refused message back.
    pub fn try_send(&self, message: M) -> Result<(), Undelivered<M>> {
        let Some(actor) = self.resident() else {
            return Err(Undelivered { why: self.down(), message });
        };
        let Ok(place) = self.0.places.clone().try_acquire_owned() else {
            let why = Refused::Full { name: self.0.name.clone(), limit: self.0.limit };
            return Err(Undelivered { why, message });
        };
        self.hand_over(&actor, message, place)
    }

    /// Waits for a free place, at most `patience`. Not for use in a handler: an actor that waits for a mailbox does not
    /// read its own.
    pub async fn send_when_free(&self, message: M, patience: Duration) -> Result<(), Refused> {
        let wait = self.0.places.clone().acquire_owned();
        let Ok(Ok(place)) = tokio::time::timeout(patience, wait).await else {
            return Err(Refused::Full { name: self.0.name.clone(), limit: self.0.limit });
        };
        let Some(actor) = self.resident() else { return Err(self.down()) };
        self.hand_over(&actor, message, place).map_err(|undelivered| undelivered.why)
    }

    /// Asks and waits for the answer. Not for use in a handler of an actor that the other one may be asking.
    pub async fn ask<T>(&self, make: impl FnOnce(Reply<T>) -> M, timeout: Duration) -> Result<T, Unanswered> {
        let (reply, answer) = Reply::pair();
        self.send(make(reply))?;
        match tokio::time::timeout(timeout, answer).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) => Err(Unanswered::Dropped { name: self.0.name.clone() }),
            Err(_) => Err(Unanswered::TimedOut { name: self.0.name.clone(), after: timeout }),
        }
    }

    /// From now on `actor` lives here. Called by [`crate::ChildSpec::actor`]; by hand only for actors outside a tree.
    pub fn settle(&self, actor: ActorRef<Letter<M>>) {
        *self.0.current.write().unwrap_or_else(PoisonError::into_inner) = Some(actor);
    }

    fn hand_over(
        &self,
        actor: &ActorRef<Letter<M>>,
        message: M,
        place: OwnedSemaphorePermit,
    ) -> Result<(), Undelivered<M>> {
        actor.send_message(Letter { message, place: Some(place) }).map_err(|refused| match refused {
            ractor::MessagingErr::SendErr(letter) => Undelivered { why: self.down(), message: letter.open() },
            // Both cannot come from a typed reference to a local actor; ractor gives no message back with them.
            ractor::MessagingErr::ChannelClosed | ractor::MessagingErr::InvalidActorType => {
                unreachable!("ractor gives a message back that it cannot send")
            }
        })
    }
    fn resident(&self) -> Option<ActorRef<Letter<M>>> {
        let current = self.0.current.read().unwrap_or_else(PoisonError::into_inner);
        current.as_ref().filter(|actor| actor.get_status() < ActorStatus::Draining).cloned()
    }
    fn down(&self) -> Refused {
        Refused::Down { name: self.0.name.clone() }
    }
}

/// What a supervisor sees of a mailbox, whatever its messages are.
pub trait Queue: Send + Sync {
    /// Messages that wait.
    fn len(&self) -> usize;
    fn limit(&self) -> usize;
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Nobody lives here any more.
    fn vacate(&self);
}

impl<M: Send + 'static> Queue for Mailbox<M> {
    fn len(&self) -> usize {
        Mailbox::len(self)
    }
    fn limit(&self) -> usize {
        self.0.limit
    }
    fn vacate(&self) {
        *self.0.current.write().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
