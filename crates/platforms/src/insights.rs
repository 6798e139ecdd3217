//! The port to what posts achieved: figures of posts on an account, read back.

use std::collections::BTreeSet;

use omniva_contracts::engine::{EngagementSample, Moment, ScheduleId};
use omniva_contracts::{Code, Fault, Monitor};

/// Posts that are asked for in one pull.
const MAX_POSTS: usize = 1_000;

/// A post whose figures are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostRef {
    pub schedule_id: ScheduleId,
    /// The platform's id, as the receipt has it.
    pub post_id: String,
    pub published_at: Moment,
}

/// A post of which there will be no figures, and why: `unavailable` when it was removed, `input_corrupt` when its id is
/// none of the platform.
#[derive(Clone, Debug, PartialEq)]
pub struct Missing {
    pub schedule_id: ScheduleId,
    pub fault: Fault,
}

/// What came of a pull. What was read before it had to stop is kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pulled {
    pub samples: Vec<EngagementSample>,
    pub missing: Vec<Missing>,
    /// Posts that are there, of which a source has no figures yet: they come late.
    pub not_yet: Vec<ScheduleId>,
    /// Why it did not get to the end: `platform_limited` (until `not_before_us`), `platform_unavailable`,
    /// `platform_reconnect`, `platform_refused` where the account was connected without the right to read figures, `usage`
    /// for more than 1,000 posts, `cancelled`, and those of the vault.
    pub stopped: Option<Fault>,
}

impl Pulled {
    pub(crate) fn gone(&mut self, platform: &str, post: &PostRef) {
        let fault = Fault::new(
            Code::Unavailable,
            format!("the post {} is not on {platform} any more", shown(&post.post_id)),
            "look there who removed it; it is not asked for again",
        );
        self.missing.push(Missing { schedule_id: post.schedule_id, fault });
    }

    /// Keeps a sample whose figures can be; one that can't is the platform's fault, and left out with it.
    pub(crate) fn keep(&mut self, sample: EngagementSample) {
        match sample.check() {
            Ok(()) => self.samples.push(sample),
            Err(fault) => self.missing.push(Missing { schedule_id: sample.schedule_id, fault }),
        }
    }

    /// The posts to ask for: those whose id `good` takes, each once.
    pub(crate) fn admit<'a>(
        &mut self,
        posts: &'a [PostRef],
        good: fn(&str) -> bool,
    ) -> Result<Vec<&'a PostRef>, Fault> {
        if posts.len() > MAX_POSTS {
            let what = format!("figures of {} posts are asked for at once", posts.len());
            return Err(Fault::new(Code::Usage, what, format!("ask for up to {MAX_POSTS}")));
        }
        let mut seen = BTreeSet::new();
        let mut admitted = Vec::new();
        for post in posts {
            if !good(&post.post_id) {
                let what = format!("{} is no id of a post there", shown(&post.post_id));
                let fault = Fault::new(Code::InputCorrupt, what, "see the receipt of its upload");
                self.missing.push(Missing { schedule_id: post.schedule_id, fault });
            } else if seen.insert(&post.post_id) {
                admitted.push(post);
            }
        }
        Ok(admitted)
    }
}

fn shown(id: &str) -> String {
    format!("{:?}", id.chars().take(80).collect::<String>())
}

/// A sample without any figure.
pub(crate) fn blank(
    channel: &str,
    post: &PostRef,
    source: omniva_contracts::engine::EngagementSource,
    measured_at: Moment,
) -> EngagementSample {
    EngagementSample {
        schedule_id: post.schedule_id,
        channel: channel.to_owned(),
        post_id: post.post_id.clone(),
        published_at: post.published_at,
        // Clocks differ: figures of a post that went out just now are of that moment.
        measured_at: measured_at.max(post.published_at),
        source,
        views: 0,
        engaged_views: None,
        likes: None,
        comments: None,
        shares: None,
        watch_seconds: None,
        average_view_percentage: None,
    }
}

/// Where figures come from. It blocks, and asks the monitor whether to go on.
pub trait Insights: Send + Sync {
    /// Target of the schedules whose posts it knows, e.g. `youtube/main`.
    fn channel(&self) -> String;
    /// Reads into `pulled` until a fault ends it.
    ///
    /// # Errors
    /// What stopped it; `pulled` holds what was read before.
    fn read(&self, posts: &[PostRef], pulled: &mut Pulled, monitor: &dyn Monitor) -> Result<(), Fault>;

    /// Reads the figures of posts as they are now. It changes nothing anywhere, and may be asked again at any time.
    fn pull(&self, posts: &[PostRef], monitor: &dyn Monitor) -> Pulled {
        let mut pulled = Pulled::default();
        pulled.stopped = self.read(posts, &mut pulled, monitor).err();
        pulled
    }
}
