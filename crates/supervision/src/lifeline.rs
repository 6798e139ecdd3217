//! What a child tells its supervisor without waiting for it: that it gets on, that it is about to take long, that it is
//! done.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::tree::{Node, Tree};

/// Handed to every incarnation of a child; cheap to clone into tasks that work for it.
#[derive(Clone)]
pub struct Lifeline {
    pub(crate) tree: Tree,
    pub(crate) node: Arc<Node>,
    pub(crate) generation: u64,
    pub(crate) done: Arc<AtomicBool>,
}

impl Lifeline {
    pub(crate) fn new(tree: Tree, node: Arc<Node>, generation: u64) -> Self {
        Self { tree, node, generation, done: Arc::new(AtomicBool::new(false)) }
    }
    pub fn name(&self) -> &str {
        self.node.name()
    }
    /// 1 for the first incarnation. Facts that carry it can be told from those of an earlier life.
    pub fn generation(&self) -> u64 {
        self.generation
    }
    /// Something was achieved: a message handled, a frame read, a row written.
    pub fn progress(&self) {
        self.node.progressed(self.tree.now());
    }
    /// A call that is known to take long, up to `limit`: until the guard is dropped or the limit has passed, the lack of
    /// progress is no stall.
    #[must_use = "the protection ends when the guard is dropped"]
    pub fn protect(&self, limit: Duration) -> Protected {
        self.node.protect(self.tree.now().after(limit));
        Protected { tree: self.tree.clone(), node: self.node.clone() }
    }
    /// The end that follows is wanted: it counts as [`crate::Exit::Finished`]. Call it, then stop.
    pub fn finished(&self) {
        self.done.store(true, Ordering::Release);
    }
    pub(crate) fn is_finished(&self) -> bool {
        self.done.load(Ordering::Acquire)
    }
}

impl std::fmt::Debug for Lifeline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lifeline").field("name", &self.name()).field("generation", &self.generation).finish()
    }
}

/// See [`Lifeline::protect`].
pub struct Protected {
    tree: Tree,
    node: Arc<Node>,
}

impl Drop for Protected {
    fn drop(&mut self) {
        self.node.unprotect(self.tree.now());
    }
}
