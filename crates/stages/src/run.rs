//! A run over one file, seen as a whole: which clips it wants, what it decided, and the record of both.

use omniva_contracts::analysis::Analysis;
use omniva_contracts::choice::{Candidate, Choice, Verdict};
use omniva_contracts::config::Config;
use omniva_contracts::ports::{Ids, Seeded};
use omniva_contracts::record::{ClipFailure, Decisions};
use uuid::Uuid;

use crate::edit::{self, Naming, Order, Planned};
use crate::fonts::FontFile;
use crate::steps;
use crate::timeline::timeline;

/// The id of a clip that a run makes: the same source, configuration and candidate give the same, so that runs repeat
/// each other byte for byte.
pub fn clip_id(source_sha256: &str, config: &Config, candidate: &Candidate) -> Uuid {
    Seeded::new(format!("{source_sha256} {} {}", config.sha256(), candidate.id).as_bytes()).next()
}

/// The plans of all chosen candidates in the order of their rank, and those that could not be planned.
pub fn plan_all(
    config: &Config,
    source_name: &str,
    analysis: &Analysis,
    choice: &Choice,
    fonts: &[FontFile],
) -> (Vec<Planned>, Vec<ClipFailure>) {
    let (mut planned, mut failures) = (Vec::new(), Vec::new());
    let fonts = steps::fonts_of(fonts);
    for candidate in choice.chosen.iter().filter_map(|id| choice.get(id)) {
        let Verdict::Chosen { rank, .. } = candidate.verdict else { continue };
        let clip_id = clip_id(&analysis.media.sha256, config, candidate);
        let order = Order { candidate, rank, clip_id, naming: Naming::Ranked };
        match edit::plan(config, source_name, analysis, &order, &fonts) {
            Ok(plan) => planned.push(plan),
            Err(fault) => failures.push(ClipFailure { candidate: candidate.id.clone(), rank, fault, qc: None }),
        }
    }
    (planned, failures)
}

/// Everything that a run decided: the same for the same inputs.
pub fn decisions(config: &Config, analysis: &Analysis, choice: Choice, planned: Vec<Planned>) -> Decisions {
    let video_id = Seeded::new(analysis.media.sha256.as_bytes()).next();
    let mut models: Vec<_> =
        [&analysis.heard.models, &analysis.seen.models, &analysis.read.models].into_iter().flatten().cloned().collect();
    models.sort_by(|a, b| (&a.role, &a.name).cmp(&(&b.role, &b.name)));
    models.dedup();
    Decisions {
        media: analysis.media.clone(),
        config_sha256: config.sha256(),
        config: config.clone(),
        models,
        language: analysis.heard.language.clone(),
        timeline: timeline(analysis),
        analysis_result: omniva_cognition::analysis_result(analysis, &choice, video_id),
        warnings: analysis.warnings().cloned().collect(),
        choice,
        clips: planned.into_iter().map(|p| p.decision).collect(),
    }
}

/// An instant (microseconds since 1970) as a record shows it: seconds precision, UTC.
pub fn rfc3339(us: i64) -> String {
    use time::format_description::well_known::Rfc3339;
    time::OffsetDateTime::from_unix_timestamp(us.div_euclid(1_000_000))
        .ok()
        .and_then(|t| t.format(&Rfc3339).ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::rfc3339;

    #[test]
    fn instants_are_written_as_rfc_3339() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(951_782_400_000_000), "2000-02-29T00:00:00Z");
        assert_eq!(rfc3339(1_795_255_451_999_999), "2026-11-21T10:04:11Z");
    }
}
