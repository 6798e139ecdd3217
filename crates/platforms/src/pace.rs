//! How gently a platform is asked: how many at once, pauses between, a rest after it complained.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use omniva_contracts::config::Pauses;
use omniva_contracts::engine::Moment;
use omniva_contracts::{Code, Fault, Monitor};

use crate::net::{Net, seconds};
use crate::oauth::SharedClock;

/// Between two questions whether it is one's turn.
const TICK: Duration = Duration::from_millis(50);

/// The turn of one platform.
pub(crate) struct Pace {
    platform: String,
    pauses: Pauses,
    clock: SharedClock,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    running: u32,
    /// No item before this.
    next: Option<Instant>,
    /// The platform said that it was too much: nothing before this.
    rest: Option<Instant>,
}

/// One's turn, until it is dropped.
pub(crate) struct Turn(Arc<Pace>);

impl Drop for Turn {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.running = state.running.saturating_sub(1);
    }
}

impl Turn {
    /// Remembers that the platform wants to be left alone.
    pub fn complained(&self, fault: Fault) -> Fault {
        let now = self.0.now();
        let asked = fault.not_before_us.map_or(Duration::ZERO, |us| Moment(us).since(now));
        let rest = asked.max(seconds(self.0.pauses.cooldown_seconds));
        self.0.lock().rest = Instant::now().checked_add(rest);
        fault.not_before(now.after(rest).0)
    }
}

impl Pace {
    pub fn of(net: &Net, platform: &str) -> Arc<Self> {
        let mut paces = net.paces.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || {
            let (platform, pauses) = (platform.to_owned(), net.config().pauses(platform));
            Arc::new(Self { platform, pauses, clock: net.clock.clone(), state: Mutex::default() })
        };
        paces.entry(platform.to_owned()).or_insert_with(new).clone()
    }

    fn now(&self) -> Moment {
        Moment(self.clock.now_us())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for one's turn.
    ///
    /// # Errors
    /// `rate_limited` while the platform rests, with the time that is left; `cancelled`.
    pub fn turn(self: &Arc<Self>, monitor: &dyn Monitor) -> Result<Turn, Fault> {
        loop {
            if monitor.cancelled() {
                return Err(Fault::cancelled());
            }
            {
                let mut state = self.lock();
                let now = Instant::now();
                if let Some(left) =
                    state.rest.and_then(|rest| rest.checked_duration_since(now)).filter(|d| !d.is_zero())
                {
                    return Err(self.resting(left));
                }
                if state.running < self.pauses.at_once && state.next.is_none_or(|next| next <= now) {
                    state.running += 1;
                    state.next = now.checked_add(seconds(self.pauses.item_seconds));
                    return Ok(Turn(self.clone()));
                }
            }
            std::thread::sleep(TICK);
        }
    }

    fn resting(&self, left: Duration) -> Fault {
        Fault::new(
            Code::RateLimited,
            format!("{} said that it was asked too often and is left alone", self.platform),
            "nothing: it is asked again later; raise the pauses in engine.network.platforms if this stays so",
        )
        .not_before(self.now().after(left).0)
    }
}
