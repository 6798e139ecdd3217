//! Scripted children, a diary of everything that happens with virtual times, and a tree on paused time.
#![allow(dead_code, clippy::unwrap_used)] // each test file uses its part

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use omniva_contracts::ports::{Clock, Dice};
use omniva_supervision::*;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::time::Instant;

/// Virtual microseconds since the test began.
pub struct Virtual(pub Instant);

impl Clock for Virtual {
    fn now_us(&self) -> i64 {
        self.0.elapsed().as_micros() as i64
    }
}

pub struct Fixed(pub f64);

impl Dice for Fixed {
    fn roll(&mut self) -> f64 {
        self.0
    }
}

pub struct Diary {
    began: Instant,
    lines: Mutex<Vec<String>>,
    pub downs: Mutex<Vec<GroupDown>>,
}

impl Diary {
    pub fn note(&self, text: impl std::fmt::Display) {
        self.lines.lock().unwrap().push(format!("{} {text}", self.began.elapsed().as_millis()));
    }
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }
    /// Milliseconds of the lines that say this.
    pub fn times(&self, of: &str) -> Vec<u64> {
        let lines = self.lines();
        let told = lines.iter().filter_map(|l| l.split_once(' ').filter(|(_, text)| text.starts_with(of)));
        told.map(|(at, _)| at.parse().unwrap()).collect()
    }
}

impl Watcher for Diary {
    fn saw(&self, happening: &Happening) {
        match happening {
            Happening::Started { name, generation } => self.note(format!("{name} up {generation}")),
            Happening::Ended { name, exit, .. } => self.note(format!("{name} {}", exit.as_str())),
            Happening::Restarting { name, after, generation } => {
                self.note(format!("{name} again in {} as {generation}", after.as_millis()))
            }
            Happening::Left { name } => self.note(format!("{name} left")),
            Happening::GroupDown(down) => {
                self.note(format!("group {} down by {}: {}", down.group, down.initiator, down.members.join(" ")));
                self.downs.lock().unwrap().push(down.clone());
            }
            Happening::Overdue { name, .. } => self.note(format!("{name} overdue")),
            Happening::Stuck { name } => self.note(format!("{name} stuck")),
            Happening::Stalled { name, .. } => self.note(format!("{name} stalled")),
            Happening::Escalated { group, child, .. } => self.note(format!("{group} gives up on {child}")),
            Happening::Stopped { name } => self.note(format!("{name} stopped")),
        }
    }
}

/// What an incarnation does of its own accord.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Step {
    Live,
    /// Fails as soon as it is up.
    Crash,
    Panic,
    FailStart,
    PanicStart,
    HangStart,
    /// Up after this time.
    SlowStart(Duration),
    /// Takes this long to clean up.
    SlowStop(Duration),
    /// Fails this long after it came up.
    CrashAfter(Duration),
}

pub enum Say {
    Crash,
    Panic,
    Generation(Reply<u64>),
    /// Handles nothing else for this long.
    Work(Duration),
    /// The same, under protection.
    LongWork(Duration),
    Finish,
    Quit,
    DropQuestion(Reply<u64>),
    Note(&'static str),
}

/// The script runs out: from there on, incarnations live.
pub struct Scripted;

pub struct Life {
    lifeline: Lifeline,
    step: Step,
    world: World,
    alive: Arc<AtomicI64>,
}

impl Drop for Life {
    fn drop(&mut self) {
        self.alive.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Actor for Scripted {
    type Msg = Letter<Say>;
    type State = Life;
    type Arguments = (Lifeline, Step, World);

    async fn pre_start(
        &self,
        _: ActorRef<Self::Msg>,
        (lifeline, step, world): Self::Arguments,
    ) -> Result<Life, ActorProcessingErr> {
        match step {
            Step::FailStart => return Err("no luck".into()),
            Step::PanicStart => panic!("bad start"),
            Step::HangStart => std::future::pending().await,
            Step::SlowStart(span) => tokio::time::sleep(span).await,
            _ => {}
        }
        let alive = world.alive(lifeline.name());
        let before = alive.fetch_add(1, Ordering::SeqCst);
        assert_eq!(before, 0, "{} lives twice", lifeline.name());
        Ok(Life { lifeline, step, world, alive })
    }

    async fn post_start(&self, me: ActorRef<Self::Msg>, life: &mut Life) -> Result<(), ActorProcessingErr> {
        match life.step {
            Step::Crash => Err("crashed as scripted".into()),
            Step::Panic => panic!("panicked as scripted"),
            Step::CrashAfter(span) => {
                me.send_after(span, || Letter::own(Say::Crash));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    async fn handle(
        &self,
        me: ActorRef<Self::Msg>,
        letter: Self::Msg,
        life: &mut Life,
    ) -> Result<(), ActorProcessingErr> {
        match letter.open() {
            Say::Crash => return Err("crashed when told".into()),
            Say::Panic => panic!("panicked when told"),
            Say::Generation(reply) => {
                reply.send(life.lifeline.generation());
            }
            Say::Work(span) => tokio::time::sleep(span).await,
            Say::LongWork(span) => {
                let _guard = life.lifeline.protect(span + secs(1));
                tokio::time::sleep(span).await;
            }
            Say::Finish => {
                life.lifeline.finished();
                me.stop(None);
            }
            Say::Quit => me.stop(None),
            Say::DropQuestion(_) => {}
            Say::Note(text) => life.world.0.diary.note(text),
        }
        life.lifeline.progress();
        Ok(())
    }

    async fn post_stop(&self, _: ActorRef<Self::Msg>, life: &mut Life) -> Result<(), ActorProcessingErr> {
        if let Step::SlowStop(span) = life.step {
            tokio::time::sleep(span).await;
        }
        life.world.0.diary.note(format!("{} bye", life.lifeline.name()));
        Ok(())
    }
}

struct Inner {
    pub diary: Arc<Diary>,
    tree: Tree,
    alive: Mutex<BTreeMap<String, Arc<AtomicI64>>>,
    boxes: Mutex<BTreeMap<String, Mailbox<Say>>>,
}

#[derive(Clone)]
pub struct World(Arc<Inner>);

impl World {
    pub fn new() -> Self {
        let began = Instant::now();
        let diary = Arc::new(Diary { began, lines: Mutex::default(), downs: Mutex::default() });
        let tree = Tree::new(Arc::new(Virtual(began)), Fixed(0.0), diary.clone());
        Self(Arc::new(Inner { diary, tree, alive: Mutex::default(), boxes: Mutex::default() }))
    }
    pub fn tree(&self) -> &Tree {
        &self.0.tree
    }
    pub fn diary(&self) -> &Diary {
        &self.0.diary
    }
    pub fn alive(&self, name: &str) -> Arc<AtomicI64> {
        self.0.alive.lock().unwrap().entry(name.to_owned()).or_default().clone()
    }
    /// The mailbox of the child of this name, with room for eight messages.
    pub fn at(&self, name: &str) -> Mailbox<Say> {
        let mut boxes = self.0.boxes.lock().unwrap();
        boxes.entry(name.to_owned()).or_insert_with(|| Mailbox::new(name, 8)).clone()
    }
    /// A child whose incarnations follow the script, then live.
    pub fn child(&self, name: &str, script: &[Step]) -> ChildSpec {
        let (world, script) = (self.clone(), script.to_vec());
        ChildSpec::actor(&self.at(name), move |lifeline| {
            let step = script.get(lifeline.generation() as usize - 1).copied().unwrap_or(Step::Live);
            Ok((Scripted, (lifeline, step, world.clone())))
        })
        .limit(3, secs(60))
    }
    pub async fn generation(&self, name: &str) -> Result<u64, Unanswered> {
        self.at(name).ask(Say::Generation, secs(1)).await
    }
    pub fn state(&self, name: &str) -> &'static str {
        self.tree().node(name).unwrap().state.as_str()
    }
}

pub async fn pass(milliseconds: u64) {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
}

pub fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}
