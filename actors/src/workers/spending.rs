//! What an upload spends of the platforms' limits, kept with its job as it is spent: an attempt that fails has spent it all
//! the same.

use std::sync::{Arc, Mutex, PoisonError};

use omniva_contracts::engine::{Job, Moment, Spending, UploadJobRow};
use omniva_contracts::fault::Fault;
use omniva_platforms::Meter;

use super::watch::Watch;

pub(super) struct Purse {
    watch: Arc<Watch>,
    spending: Mutex<Spending>,
}

impl Purse {
    /// Goes on from what earlier attempts of the job have spent.
    ///
    /// # Errors
    /// `internal` when the job's row can't be read.
    pub fn of(job: &Job, order: &UploadJobRow, watch: &Arc<Watch>) -> Result<Self, Fault> {
        let before = Spending::of(job)?;
        let spending = before.unwrap_or_else(|| Spending::new(order.upload_job_id, order.target.as_str()));
        Ok(Self { watch: watch.clone(), spending: Mutex::new(spending) })
    }

    /// All of it; `None` where nothing was counted.
    pub fn spent(&self) -> Option<Spending> {
        let spending = self.spending.lock().unwrap_or_else(PoisonError::into_inner).clone();
        (!spending.calls.is_empty()).then_some(spending)
    }
}

impl Meter for Purse {
    fn spent(&self, action: &'static str, at_us: i64) {
        // Passed on under the lock: of two calls at once the list with both is the later one.
        let mut spending = self.spending.lock().unwrap_or_else(PoisonError::into_inner);
        spending.add(action, Moment(at_us));
        self.watch.keep(spending.checkpoint());
    }
}
