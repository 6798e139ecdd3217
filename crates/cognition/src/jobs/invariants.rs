//! What must hold at all times.
