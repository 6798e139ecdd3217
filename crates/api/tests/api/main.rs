//! The API over real connections, on the in-memory store.

mod access;
mod bench;
mod events;
mod manners;
mod tour;
