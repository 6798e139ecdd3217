//! Who moves jobs: the dispatcher claims what is ready, the rescuer brings back what is stuck, cron makes what recurs.

pub mod cron;
pub mod dispatcher;
pub mod rescuer;
