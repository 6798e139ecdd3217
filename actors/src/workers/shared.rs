//! What is large and read-only, once for all who use it at the same time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use omniva_contracts::Fault;

type Place<T> = Arc<Mutex<Weak<T>>>;

/// Values by key, held for as long as somebody uses them and no longer: clips of one video that are rendered side by side
/// share its analysis, which for a video of hours is large.
pub struct Shared<T>(Mutex<HashMap<String, Place<T>>>);

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Shared<T> {
    /// The value of `key`: what others hold, or what `make` gives. Who asks while it is being made waits for it; other keys
    /// don't.
    ///
    /// Errors: those of `make`, which the next who asks calls again.
    pub fn get(&self, key: &str, make: impl FnOnce() -> Result<T, Fault>) -> Result<Arc<T>, Fault> {
        let place = self.place(key);
        let mut held = place.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(value) = held.upgrade() {
            return Ok(value);
        }
        let value = Arc::new(make()?);
        *held = Arc::downgrade(&value);
        Ok(value)
    }

    fn place(&self, key: &str) -> Place<T> {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A place that somebody else has is about to be filled; asking it would wait for that.
        places.retain(|_, place| {
            Arc::strong_count(place) > 1 || place.lock().unwrap_or_else(PoisonError::into_inner).strong_count() > 0
        });
        places.entry(key.to_owned()).or_default().clone()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn a_value_is_made_once_for_all_who_use_it_and_let_go_after_them() {
        let (shared, made) = (Shared::<usize>::default(), AtomicUsize::new(0));
        let make = || Ok(made.fetch_add(1, Ordering::SeqCst));
        std::thread::scope(|scope| {
            let users: Vec<_> = (0..8).map(|_| scope.spawn(|| shared.get("a", make))).collect();
            let held: Vec<_> = users.into_iter().map(|user| user.join().expect("no panic")).collect();
            assert!(held.iter().all(|value| value.as_ref().is_ok_and(|value| **value == 0)));
        });
        assert_eq!(made.load(Ordering::SeqCst), 1);
        assert_eq!(shared.get("a", make).ok().as_deref(), Some(&1), "nobody held it any more");
        assert_eq!(shared.get("b", make).ok().as_deref(), Some(&2));
        assert_eq!(shared.0.lock().expect("not poisoned").len(), 1, "places of what nobody holds are forgotten");
    }

    #[test]
    fn a_failure_is_told_and_tried_again() {
        let shared = Shared::<usize>::default();
        assert!(shared.get("a", || Err(Fault::internal("once"))).is_err());
        assert_eq!(shared.get("a", || Ok(5)).ok().as_deref(), Some(&5));
    }
}
