//! The actors: each module and each worker, with its mailbox, under one supervised tree.

pub mod office;
pub mod work;
