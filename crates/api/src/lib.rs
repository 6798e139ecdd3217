//! The JSON API under `/v1`: one table of routes ([`routes`]) from which dispatch, access, validation and the OpenAPI
//! document come, so that none of them can say something else than the others.
//!
//! Reads go to the store's [`Reader`](omniva_store::Reader); every change goes through
//! [`Office`](omniva_actors::office::Office). Every request leaves a trace in the ledger: changes in their own commit,
//! everything else (reads, refusals) a few seconds later, many in one packet of kind `api.read`.
//!
//! Invariants: nothing here writes state; no answer, log line or metric holds a key; every answer has a request id.

mod access;
mod body;
mod call;
mod config;
mod dispatch;
mod docs;
mod events;
mod keytext;
mod notes;
mod openapi;
mod origin;
mod params;
mod requests;
mod route;
mod serve;
mod shared;
mod table;
mod throttle;
mod views;
mod wrapper;

pub use config::ApiConfig;
pub use keytext::{KeyText, hash_of, is_key, new_key};
pub use openapi::document;
pub use route::{Access, Method, Route, routes};
pub use serve::{Serving, serve};
