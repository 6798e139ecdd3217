//! The one actor shell. A [`Part`] says what its messages are and what each one does; the shell gives it a mailbox, its
//! place in the directory and a gauge of its life.
//!
//! Invariant: a handler is a plain function. It cannot wait: it starts work and returns, and the result comes back as a
//! message. So no part ever blocks its mailbox, its stop or its supervisor.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use omniva_contracts::fault::{Code, Fault};
use omniva_supervision::{ChildSpec, Letter, Lifeline, Mailbox, Refused};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::sync::oneshot;

use crate::kit::Kit;

/// What one actor is.
pub trait Part: Send + Sync + 'static {
    type Msg: Send + 'static;
    /// Lost when the part fails; the next generation starts from [`Part::begin`], which finds what matters by state.
    type State: Send + 'static;
    fn begin(&self, kit: &Arc<Kit>) -> Self::State;
    /// # Errors
    /// Ends this generation; the supervisor's policy decides what follows.
    fn handle(&self, kit: &Arc<Kit>, msg: Self::Msg, state: &mut Self::State) -> Result<(), Fault>;
    /// The first message of each generation, before any other that is sent to it later.
    fn first(&self) -> Option<Self::Msg> {
        None
    }
}

/// What lies in a mailbox.
pub enum Post<M> {
    Message(M),
    /// Ends this generation as a failure does: Eclipse's soft rebuild, and the fault that tests inject.
    Fail(String),
}

/// The part has no living generation right now, is overloaded, or ended before it answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} does not answer")]
pub struct Down(pub String);

impl Down {
    pub fn fault(&self) -> Fault {
        Fault::new(Code::WorkerLost, self.to_string(), "try again; the supervisor starts it anew")
    }
}

impl From<Refused> for Down {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Down { name } | Refused::Full { name, .. } => Down(name.to_string()),
        }
    }
}

/// The way to a part, whichever generation of it lives.
pub struct Line<M: Send + 'static> {
    mailbox: Mailbox<Post<M>>,
}

impl<M: Send + 'static> Clone for Line<M> {
    fn clone(&self) -> Self {
        Self { mailbox: self.mailbox.clone() }
    }
}

/// Messages that may wait. Each is small (ids, handles, rows); senders that do not get in leave the work in the store.
const MAILBOX: usize = 8192;
/// How long a result of started work waits for a place.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two looks whether somebody lives here.
const GLANCE: Duration = Duration::from_millis(5);

impl<M: Send + 'static> Line<M> {
    pub fn new(name: &'static str) -> Self {
        Self { mailbox: Mailbox::new(name, MAILBOX) }
    }
    pub fn name(&self) -> &str {
        self.mailbox.name()
    }
    /// # Errors
    /// [`Down`] when there is no living generation or no room; the message is lost, so whatever it stood for must be
    /// found again by state.
    pub fn tell(&self, msg: M) -> Result<(), Down> {
        self.mailbox.send(Post::Message(msg)).map_err(Into::into)
    }
    /// For messages that only wake: a part that starts looks for itself.
    pub fn wake(&self, msg: M) {
        let _ = self.tell(msg);
    }
    /// For the result of work that the part has started: waits for room. One that comes too late for its generation finds
    /// the next one, which does not know it and takes no harm.
    pub async fn deliver(&self, msg: M) {
        self.up(PATIENCE).await;
        if let Err(refused) = self.mailbox.send_when_free(Post::Message(msg), PATIENCE).await {
            tracing::debug!(part = self.name(), error = %refused, "a result found nobody");
        }
    }
    /// # Errors
    /// [`Down`] when there is nothing to end.
    pub fn fail(&self, why: &str) -> Result<(), Down> {
        self.mailbox.send(Post::Fail(why.to_owned())).map_err(Into::into)
    }
    /// # Errors
    /// [`Down`] when the part is not there, ends before it answers, or takes longer than `limit`.
    pub async fn ask<T>(&self, make: impl FnOnce(oneshot::Sender<T>) -> M, limit: Duration) -> Result<T, Down> {
        let (reply, answer) = oneshot::channel();
        self.tell(make(reply))?;
        match tokio::time::timeout(limit, answer).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(_)) | Err(_) => Err(Down(self.name().to_owned())),
        }
    }
    /// Waits, at most `limit`, for a generation that is being started anew. True when somebody is there.
    pub async fn up(&self, limit: Duration) -> bool {
        let end = tokio::time::Instant::now() + limit;
        while !self.mailbox.is_up() {
            if tokio::time::Instant::now() >= end {
                return false;
            }
            tokio::time::sleep(GLANCE).await;
        }
        true
    }
    /// Puts a message into the mailbox after `delay`.
    pub fn later(&self, delay: Duration, msg: M) {
        let line = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            line.deliver(msg).await;
        });
    }
}

/// The shell of a [`Part`] on ractor.
pub struct Shell<P>(PhantomData<P>);

impl<P> Default for Shell<P> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

pub struct Start<P> {
    part: Arc<P>,
    kit: Arc<Kit>,
    lifeline: Lifeline,
}

pub struct Running<P: Part> {
    start: Start<P>,
    state: P::State,
}

impl<P: Part> Actor for Shell<P> {
    type Msg = Letter<Post<P::Msg>>;
    type State = Running<P>;
    type Arguments = Start<P>;

    async fn pre_start(&self, _me: ActorRef<Self::Msg>, start: Start<P>) -> Result<Running<P>, ActorProcessingErr> {
        let state = start.part.begin(&start.kit);
        Ok(Running { start, state })
    }

    async fn post_start(&self, me: ActorRef<Self::Msg>, running: &mut Running<P>) -> Result<(), ActorProcessingErr> {
        match running.start.part.first() {
            Some(msg) => Ok(me.send_message(Letter::own(Post::Message(msg)))?),
            None => Ok(()),
        }
    }

    async fn handle(
        &self,
        _me: ActorRef<Self::Msg>,
        letter: Self::Msg,
        running: &mut Running<P>,
    ) -> Result<(), ActorProcessingErr> {
        let Running { start, state } = running;
        let post = letter.open();
        start.lifeline.progress();
        match post {
            Post::Message(msg) => start.part.handle(&start.kit, msg, state).map_err(Into::into),
            Post::Fail(why) => Err(why.into()),
        }
    }
}

/// The part as a child of a supervisor; its policy is written where the tree is.
pub fn child<P: Part>(part: P, line: &Line<P::Msg>, kit: &Arc<Kit>) -> ChildSpec {
    let (part, kit) = (Arc::new(part), kit.clone());
    ChildSpec::actor(&line.mailbox, move |lifeline| {
        Ok((Shell::<P>::default(), Start { part: part.clone(), kit: kit.clone(), lifeline }))
    })
}
