//! A module's mailbox. A panic in the function ends this generation only: Zenith notes the module as missing.

use std::sync::Arc;

use omniva_cognition::council;
use omniva_contracts::choice::Module;
use omniva_contracts::fault::Fault;

use super::Msg;
use crate::kit::Kit;
use crate::part::Part;

pub struct Adviser {
    pub module: Module,
}

impl Part for Adviser {
    type Msg = Msg;
    type State = ();

    fn begin(&self, _: &Arc<Kit>) {}

    fn handle(&self, kit: &Arc<Kit>, msg: Msg, (): &mut ()) -> Result<(), Fault> {
        let Msg::Advise(brief, reply) = msg;
        // Who asked may have stopped waiting: the answer is then worth nothing.
        if !reply.is_closed() {
            let _ = reply.send(council::advise(self.module, &brief, &kit.config));
        }
        Ok(())
    }
}
