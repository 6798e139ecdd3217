//! What every request shares.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};

use omniva_actors::office::{Office, RequestNote};
use omniva_contracts::engine::Moment;
use omniva_contracts::ports::{Clock, Ids};
use omniva_ledger::Tree;
use omniva_store::Reader;
use tokio::sync::{Semaphore, mpsc, watch};
use uuid::Uuid;

use crate::access::KeyRing;
use crate::body::Bodies;
use crate::config::ApiConfig;
use crate::table::insights::Told;
use crate::throttle::Throttle;

pub struct Shared {
    pub config: ApiConfig,
    pub office: Arc<dyn Office>,
    pub reader: Arc<dyn Reader>,
    pub clock: Arc<dyn Clock + Send + Sync>,
    pub ids: Mutex<Box<dyn Ids + Send>>,
    pub metrics: Box<dyn Fn() -> String + Send + Sync>,
    /// What proofs are made of; grows with the ledger.
    pub tree: tokio::sync::Mutex<Tree>,
    pub committed: watch::Receiver<u64>,
    pub keys: KeyRing,
    pub throttle: Throttle,
    pub bodies: Bodies,
    pub told: Told,
    pub notes: mpsc::Sender<RequestNote>,
    /// Requests that could not be written down because the queue was full.
    pub lost: AtomicU64,
    pub requests: Arc<Semaphore>,
    pub sockets: Arc<Semaphore>,
    /// Becomes true when the server stops.
    pub stopping: watch::Receiver<bool>,
}

impl Shared {
    pub fn now(&self) -> Moment {
        Moment(self.clock.now_us())
    }
    pub fn id<T: From<Uuid>>(&self) -> T {
        T::from(self.ids.lock().unwrap_or_else(PoisonError::into_inner).next())
    }
}
