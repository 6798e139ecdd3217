//! Every legal edge.
