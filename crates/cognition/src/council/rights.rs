//! Quota and rights: rules that no score outweighs.

use std::time::Duration;

use omniva_contracts::config::EngineConfig;
use omniva_contracts::engine::*;

use super::Brief;
use super::arbitrate::Word;
use crate::flow::schedule::DAY;
use crate::limits::{self, Definitions};
use crate::zone::Zone;

/// `None` when nothing stands against it.
pub(super) fn quota_and_rights(brief: &Brief, config: &EngineConfig) -> Option<Word> {
    let reject = |code: &str, why: String| Some(Word { decision: Decision::Reject { code: code.into() }, why });
    if brief.question == Question::Recover {
        return None;
    }
    if let Some(creator) = &brief.creator {
        if creator.status == CreatorStatus::Removed && brief.question == Question::Ingest {
            return reject("creator_removed", format!("{} was removed.", creator.username));
        }
        let accepted = brief.project.as_ref().is_none_or(|p| p.settings.accept_unknown_rights);
        if creator.rights == RightsBasis::Unknown && !accepted {
            let why =
                format!("The rights in {}'s material are unknown, and the project takes none such.", creator.username);
            return reject("rights_unknown", why);
        }
    }
    let project = brief.project.as_ref()?;
    if project.status == ProjectStatus::Paused {
        let pause = Duration::try_from_secs_f64(config.council.defer_seconds).unwrap_or_default();
        let why = format!("The project {} is paused.", project.name);
        return Some(Word { decision: Decision::Defer { until: brief.now.after(pause) }, why });
    }
    if brief.question == Question::Schedule {
        return over_quota(brief, project).or_else(|| beyond_a_limit(brief, config));
    }
    None
}

/// Publications of the project on the channel's day of the recommended slot: those that are booked, and, where the project
/// has no channels of its own, today those that are out.
fn over_quota(brief: &Brief, project: &Project) -> Option<Word> {
    let slot = brief.schedule.as_ref()?;
    let channel = project.settings.channel_of(project.project_id, &slot.target);
    let zone = Zone::named(&channel.time_zone).unwrap_or_else(|_| Zone::utc());
    let local = |at: Moment| zone.local(at).day;
    let time = slot.recommended_time?;
    let booked = brief
        .booked
        .iter()
        .filter(|b| b.project_id == project.project_id && b.schedule_id != slot.schedule_id && b.target == slot.target)
        .filter(|b| !matches!(b.status, ScheduleStatus::Cancelled | ScheduleStatus::Missed))
        .filter(|b| local(b.at) == local(time))
        .count() as u32;
    let today = project.settings.channels.is_empty() && time.0.div_euclid(DAY) == brief.now.0.div_euclid(DAY);
    let out = if today { brief.published_today } else { 0 };
    let quota = channel.daily_quota;
    // What is out was booked as well, as a rule: the larger of the two counts, so that none counts twice.
    let taken = booked.max(out);
    (taken >= quota).then(|| Word {
        decision: Decision::Reject { code: "quota_reached".into() },
        why: format!("{taken} clips are due that day, and the quota is {quota}."),
    })
}

/// What the platform would not let through: another slot may have taken it since the recommendation.
fn beyond_a_limit(brief: &Brief, config: &EngineConfig) -> Option<Word> {
    let slot = brief.schedule.as_ref()?;
    let others: Vec<limits::Taken> = brief.taken.iter().filter(|t| t.id != slot.schedule_id.0).cloned().collect();
    let checked = || {
        let definitions = Definitions::in_force(&config.platforms, brief.now)?;
        let charges = limits::publication(&definitions, &slot.target)?;
        let mut ledger = limits::ledger(&definitions, [slot.target.as_str()], &others)?;
        let at = slot.recommended_time.unwrap_or(brief.now);
        Ok::<_, omniva_contracts::fault::Fault>(ledger.reserve(slot.schedule_id.0, at, &charges).map_err(|r| r.fault()))
    };
    let why = match checked() {
        Ok(Ok(())) => return None,
        Ok(Err(fault)) | Err(fault) => fault,
    };
    Some(Word {
        decision: Decision::Reject { code: "limit_reached".into() },
        why: format!("{}; {}.", why.message, why.next_step),
    })
}
