//! Messages of the outbox.

pub enum Msg {
    /// There may be directives to dispatch.
    Sweep,
    /// A round is over; true when something could not be dispatched yet.
    Swept { left: bool },
}
