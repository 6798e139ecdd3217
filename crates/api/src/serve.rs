//! The listener.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;

use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use omniva_actors::office::Office;
use omniva_contracts::ports::{Clock, Ids};
use omniva_contracts::{Code, Fault};
use omniva_store::Reader;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinHandle;
use warp::Filter;

use crate::access::KeyRing;
use crate::body::Bodies;
use crate::config::ApiConfig;
use crate::dispatch::{Arrived, answer};
use crate::notes;
use crate::shared::Shared;
use crate::table::insights::Told;
use crate::throttle::Throttle;

/// A server at work. Dropping it stops it without waiting.
pub struct Serving {
    pub addr: SocketAddr,
    stop: watch::Sender<bool>,
    listener: JoinHandle<()>,
    notes: JoinHandle<()>,
}

impl Serving {
    /// Takes no new connections, answers what is open (within [`ApiConfig::stop_time`]), writes down what is not
    /// written down yet.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        for task in [self.listener, self.notes] {
            if let Err(error) = task.await {
                tracing::error!(%error, "a task of the API failed while stopping");
            }
        }
    }
}

/// Serves the API. `ids` must be unpredictable, since keys are made from them; `metrics` renders the exposition text.
///
/// Errors: `keys_missing` for an address beyond loopback while there is no key that can be used, `address_in_use`,
/// `store_unavailable`.
pub async fn serve(
    config: ApiConfig,
    office: Arc<dyn Office>,
    reader: Arc<dyn Reader>,
    clock: Arc<dyn Clock + Send + Sync>,
    ids: Box<dyn Ids + Send>,
    metrics: Box<dyn Fn() -> String + Send + Sync>,
) -> Result<Serving, Fault> {
    keys_are_there(&config, reader.as_ref(), clock.as_ref()).await?;
    let listener = listen(config.bind).await?;
    let addr = listener.local_addr().map_err(|e| Fault::internal("the address can't be read").with_detail(e))?;
    let (stop, stopping) = watch::channel(false);
    let (notes, waiting) = mpsc::channel(notes::QUEUE);
    let shared = Arc::new(Shared {
        committed: office.committed(),
        office,
        reader,
        clock,
        ids: Mutex::new(ids),
        metrics,
        tree: tokio::sync::Mutex::default(),
        keys: KeyRing::default(),
        throttle: Throttle::new(config.max_failures),
        bodies: Bodies::new()?,
        told: Told::default(),
        notes,
        lost: AtomicU64::new(0),
        requests: Arc::new(Semaphore::new(config.max_requests)),
        sockets: Arc::new(Semaphore::new(config.max_sockets)),
        stopping,
        config,
    });
    let notes = tokio::spawn(notes::run(Arc::clone(&shared), waiting));
    let listener = tokio::spawn(accept(listener, shared));
    Ok(Serving { addr, stop, listener, notes })
}

async fn keys_are_there(config: &ApiConfig, reader: &dyn Reader, clock: &dyn Clock) -> Result<(), Fault> {
    if config.bind.ip().is_loopback() {
        return Ok(());
    }
    let keys = reader.api_keys().await.map_err(|e| {
        Fault::new(Code::StoreUnavailable, "the API keys can't be read", "check the store with `omniva doctor`")
            .with_detail(e)
    })?;
    let now = clock.now_us();
    let usable = keys.iter().any(|k| k.revoked_at.is_none() && k.expires_at.is_none_or(|at| at.0 > now));
    if usable {
        return Ok(());
    }
    Err(Fault::new(
        Code::KeysMissing,
        format!("{} can be reached from other machines, and there is no API key", config.bind),
        "make an administrator's key first (`omniva keys create`), or listen on 127.0.0.1",
    ))
}

async fn listen(bind: SocketAddr) -> Result<TcpListener, Fault> {
    TcpListener::bind(bind).await.map_err(|e| match e.kind() {
        std::io::ErrorKind::AddrInUse => Fault::new(
            Code::AddressInUse,
            format!("something else listens on {bind}"),
            "stop it, or choose another address",
        ),
        _ => Fault::new(
            Code::AddressInUse,
            format!("{bind} can't be listened on: {e}"),
            "choose an address of this machine and a free port above 1023",
        ),
    })
}

/// Accepts until the server stops, at most so many connections at the same time.
async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let places = Arc::new(Semaphore::new(shared.config.max_connections));
    let mut stopping = shared.stopping.clone();
    loop {
        let accepted = tokio::select! {
            _ = stopping.wait_for(|stop| *stop) => break,
            accepted = async {
                let place = Arc::clone(&places).acquire_owned().await;
                (place, listener.accept().await)
            } => accepted,
        };
        match accepted {
            (Ok(place), Ok((stream, from))) => connection(&shared, stream, from, place),
            (_, Err(error)) => {
                tracing::warn!(%error, "a connection could not be accepted");
                // Out of file descriptors, most likely: some come back as connections end.
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
            (Err(_), _) => break,
        }
    }
    drop(listener);
    // Every connection holds a place: all places back means that all have ended.
    let all = u32::try_from(shared.config.max_connections).unwrap_or(u32::MAX);
    if tokio::time::timeout(shared.config.stop_time, places.acquire_many(all)).await.is_err() {
        tracing::warn!("some requests were cut off: they took too long while stopping");
    }
}

fn connection(shared: &Arc<Shared>, stream: TcpStream, from: SocketAddr, place: tokio::sync::OwnedSemaphorePermit) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection keeps its delay");
    }
    let service = TowerToHyperService::new(warp::service(filter(Arc::clone(shared), from)));
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(shared.config.header_time)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut stopping = shared.stopping.clone();
    tokio::spawn(async move {
        let _place = place;
        tokio::pin!(served);
        let ended = tokio::select! {
            ended = served.as_mut() => ended,
            _ = async { stopping.wait_for(|stop| *stop).await.is_ok() } => {
                served.as_mut().graceful_shutdown();
                served.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection ended early");
        }
    });
}

fn filter(
    shared: Arc<Shared>,
    from: SocketAddr,
) -> impl Filter<Extract = (warp::reply::Response,), Error = warp::Rejection> + Clone {
    let query = warp::query::raw().or(warp::any().map(String::new)).unify();
    let ws = warp::ws().map(Some).or(warp::any().map(|| None)).unify();
    warp::method()
        .and(warp::path::full())
        .and(query)
        .and(warp::header::headers_cloned())
        .and(ws)
        .and(warp::body::stream())
        .then(move |method: warp::http::Method, path: warp::path::FullPath, query, headers, ws, body| {
            let arrived = Arrived {
                method: method.as_str().to_owned(),
                path: path.as_str().to_owned(),
                query,
                headers,
                ws,
                body,
                from,
            };
            answer(Arc::clone(&shared), arrived)
        })
}
