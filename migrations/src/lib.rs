//! The schema of the store, step by step, the same on every database.
