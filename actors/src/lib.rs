//! The actors: each module and each worker, with its mailbox.
