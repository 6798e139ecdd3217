//! Reading from memory: the same filters and orders as the SQL adapter has.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use omniva_contracts::engine::*;
use omniva_ledger::Examined;

use super::Memory;
use crate::*;

fn page<T: Clone>(mut found: Vec<&T>, order: impl FnMut(&&T, &&T) -> Ordering, page: Page) -> Listed<T> {
    found.sort_by(order);
    let total = found.len() as u64;
    let skip = usize::try_from(page.offset).unwrap_or(usize::MAX);
    Listed { items: first(found.into_iter().skip(skip), page.limit), total }
}

fn first<'a, T: Clone + 'a>(found: impl Iterator<Item = &'a T>, limit: u64) -> Vec<T> {
    found.take(usize::try_from(limit).unwrap_or(usize::MAX)).cloned().collect()
}

fn soonest<'a>(jobs: impl Iterator<Item = &'a Job>, at: impl Fn(&Job) -> Option<Moment>, limit: u64) -> Vec<Job> {
    let mut found: Vec<(Moment, JobId, &Job)> = jobs.filter_map(|job| Some((at(job)?, job.id, job))).collect();
    found.sort_by_key(|(at, id, _)| (*at, *id));
    first(found.into_iter().map(|(_, _, job)| job), limit)
}

/// True when the filter asks for nothing, or for this.
fn is<T: PartialEq>(asked: Option<T>, value: T) -> bool {
    asked.is_none_or(|asked| asked == value)
}

/// The same where the row may have no value.
fn has<T: PartialEq>(asked: Option<T>, value: Option<T>) -> bool {
    asked.is_none() || asked == value
}

fn within(from: Option<Moment>, to: Option<Moment>, at: Option<Moment>) -> bool {
    from.is_none_or(|from| at.is_some_and(|at| at >= from)) && to.is_none_or(|to| at.is_some_and(|at| at < to))
}

const DAY_US: i64 = 86_400_000_000;

#[async_trait]
impl Reader for Memory {
    async fn project(&self, id: ProjectId) -> Answered<Option<Project>> {
        Ok(self.look()?.get(id.0))
    }
    async fn project_by_name(&self, name: &str) -> Answered<Option<Project>> {
        Ok(self.look()?.by_unique(name.to_owned()))
    }
    async fn projects(&self, status: Option<ProjectStatus>, at: Page) -> Answered<Listed<Project>> {
        let state = self.look()?;
        let found = state.all::<Project>().filter(|p| is(status, p.status)).collect();
        Ok(page(found, |a, b| (a.created_at, a.project_id).cmp(&(b.created_at, b.project_id)), at))
    }
    async fn project_counts(&self, id: ProjectId, now: Moment) -> Answered<ProjectCounts> {
        let state = self.look()?;
        let today = Moment(now.0 - now.0.rem_euclid(DAY_US));
        let clips = || state.all::<Clip>().filter(|c| c.project_id == id);
        let with = |any: &[ClipStatus]| clips().filter(|c| any.contains(&c.status)).count() as u64;
        let of_project = |c: &&Creator| c.project_id == id && c.status != CreatorStatus::Removed;
        let published = |c: &&Clip| c.status == ClipStatus::Published && c.updated_at >= today;
        Ok(ProjectCounts {
            creators: state.all::<Creator>().filter(of_project).count() as u64,
            videos_scraped: state.all::<Video>().filter(|v| v.project_id == id).count() as u64,
            clips_ready: with(&[ClipStatus::Ready]),
            clips_in_pipeline: with(IN_PIPELINE),
            uploads_pending: state
                .all::<UploadJobRow>()
                .filter(|u| u.project_id == id && PENDING_UPLOADS.contains(&u.status))
                .count() as u64,
            published_today: clips().filter(published).count() as u64,
        })
    }
    async fn made(&self, projects: &[ProjectId]) -> Answered<BTreeMap<ProjectId, Made>> {
        let state = self.look()?;
        let mut all: BTreeMap<ProjectId, Made> = BTreeMap::new();
        for video in state.all::<Video>().filter(|v| projects.contains(&v.project_id)) {
            all.entry(video.project_id).or_default().videos_scraped += 1;
        }
        let ready = |c: &Clip| c.status == ClipStatus::Ready && projects.contains(&c.project_id);
        for clip in state.all::<Clip>().filter(|c| ready(c)) {
            all.entry(clip.project_id).or_default().clips_ready += 1;
        }
        Ok(all)
    }
    async fn creator(&self, id: CreatorId) -> Answered<Option<Creator>> {
        Ok(self.look()?.get(id.0))
    }
    async fn creator_by_handle(&self, platform: Platform, username: &str) -> Answered<Option<Creator>> {
        Ok(self.look()?.by_unique(format!("{} {username}", platform.as_str())))
    }
    async fn creators(&self, project: ProjectId, at: Page) -> Answered<Listed<Creator>> {
        let state = self.look()?;
        let shown = |c: &&Creator| c.project_id == project && c.status != CreatorStatus::Removed;
        let found = state.all::<Creator>().filter(shown).collect();
        Ok(page(found, |a, b| (a.created_at, a.creator_id).cmp(&(b.created_at, b.creator_id)), at))
    }
    async fn post(&self, id: PostId) -> Answered<Option<Post>> {
        Ok(self.look()?.get(id.0))
    }
    async fn post_by_platform_id(&self, creator: CreatorId, platform_post_id: &str) -> Answered<Option<Post>> {
        Ok(self.look()?.by_unique(format!("{creator} {platform_post_id}")))
    }
    async fn video(&self, id: VideoId) -> Answered<Option<Video>> {
        Ok(self.look()?.get(id.0))
    }
    async fn video_by_checksum(&self, checksum: &str) -> Answered<Option<Video>> {
        Ok(self.look()?.by_unique(checksum.to_owned()))
    }
    async fn videos(&self, project: ProjectId, at: Page) -> Answered<Listed<Video>> {
        let state = self.look()?;
        let found = state.all::<Video>().filter(|v| v.project_id == project).collect();
        Ok(page(found, |a, b| (b.created_at, b.video_id).cmp(&(a.created_at, a.video_id)), at))
    }
    async fn analysis(&self, id: AnalysisId) -> Answered<Option<AnalysisRow>> {
        Ok(self.look()?.get(id.0))
    }
    async fn active_analysis(&self, video: VideoId) -> Answered<Option<AnalysisRow>> {
        Ok(self.look()?.by_unique(video.to_string()))
    }
    async fn analyses(&self, project: ProjectId, filter: &AnalysisFilter, at: Page) -> Answered<Listed<AnalysisRow>> {
        let state = self.look()?;
        let videos: BTreeSet<VideoId> =
            state.all::<Video>().filter(|v| v.project_id == project).map(|v| v.video_id).collect();
        let with: Option<BTreeSet<VideoId>> = filter
            .clip_status
            .map(|status| state.all::<Clip>().filter(|c| c.status == status).map(|c| c.video_id).collect());
        let found = state
            .all::<AnalysisRow>()
            .filter(|a| a.active && videos.contains(&a.video_id))
            .filter(|a| with.as_ref().is_none_or(|with| with.contains(&a.video_id)))
            .filter(|a| filter.min_score.is_none_or(|min| a.virality_score >= min))
            .collect();
        Ok(page(found, |a, b| (b.created_at, b.analysis_id).cmp(&(a.created_at, a.analysis_id)), at))
    }
    async fn clip(&self, id: ClipId) -> Answered<Option<Clip>> {
        Ok(self.look()?.get(id.0))
    }
    async fn clips(&self, filter: &ClipFilter, at: Page) -> Answered<Listed<Clip>> {
        let state = self.look()?;
        let found = state
            .all::<Clip>()
            .filter(|c| is(filter.project, c.project_id) && is(filter.video, c.video_id))
            .filter(|c| filter.statuses.is_empty() || filter.statuses.contains(&c.status))
            .filter(|c| filter.min_confidence.is_none_or(|min| c.confidence >= min))
            .collect();
        Ok(if filter.newest_first {
            page(found, |a, b| (b.created_at, b.clip_id).cmp(&(a.created_at, a.clip_id)), at)
        } else {
            page(found, |a, b| b.confidence.total_cmp(&a.confidence).then(a.clip_id.cmp(&b.clip_id)), at)
        })
    }
    async fn edit_job(&self, id: EditJobId) -> Answered<Option<EditJobRow>> {
        Ok(self.look()?.get(id.0))
    }
    async fn edit_jobs_of(&self, clip: ClipId) -> Answered<Vec<EditJobRow>> {
        let state = self.look()?;
        let mut found: Vec<EditJobRow> = state.all::<EditJobRow>().filter(|e| e.clip_id == clip).cloned().collect();
        found.sort_by_key(|e| Reverse((e.created_at, e.edit_job_id)));
        Ok(found)
    }
    async fn upload_job(&self, id: UploadJobId) -> Answered<Option<UploadJobRow>> {
        Ok(self.look()?.get(id.0))
    }
    async fn upload_jobs(&self, filter: &UploadFilter, at: Page) -> Answered<Listed<UploadJobRow>> {
        let state = self.look()?;
        let found = state
            .all::<UploadJobRow>()
            .filter(|u| is(filter.project, u.project_id) && is(filter.clip, u.clip_id))
            .filter(|u| filter.statuses.is_empty() || filter.statuses.contains(&u.status))
            .collect();
        Ok(page(found, |a, b| (b.created_at, b.upload_job_id).cmp(&(a.created_at, a.upload_job_id)), at))
    }
    async fn schedule(&self, id: ScheduleId) -> Answered<Option<Schedule>> {
        Ok(self.look()?.get(id.0))
    }
    async fn schedules(&self, filter: &ScheduleFilter, at: Page) -> Answered<Listed<Schedule>> {
        let state = self.look()?;
        let found = state
            .all::<Schedule>()
            .filter(|s| is(filter.project, s.project_id) && is(filter.clip, s.clip_id))
            .filter(|s| filter.target.as_ref().is_none_or(|target| *target == s.target))
            .filter(|s| filter.service.as_ref().is_none_or(|service| s.target.starts_with(&format!("{service}/"))))
            .filter(|s| filter.statuses.is_empty() || filter.statuses.contains(&s.status))
            .filter(|s| within(filter.from, filter.to, s.final_scheduled_time))
            .collect();
        let place = |s: &Schedule| (s.final_scheduled_time.is_none(), s.final_scheduled_time, s.schedule_id);
        Ok(page(found, |a, b| place(a).cmp(&place(b)), at))
    }
    async fn samples_by_id(&self, ids: &[SampleId]) -> Answered<Vec<SampleRow>> {
        let state = self.look()?;
        let ids: BTreeSet<SampleId> = ids.iter().copied().collect();
        Ok(ids.into_iter().filter_map(|id| state.get(id.0)).collect())
    }
    async fn samples(&self, filter: &SampleFilter, at: Page) -> Answered<Listed<SampleRow>> {
        let state = self.look()?;
        let found = state
            .all::<SampleRow>()
            .filter(|r| filter.channel.as_ref().is_none_or(|channel| *channel == r.sample.channel))
            .filter(|r| is(filter.schedule, r.sample.schedule_id))
            .filter(|r| within(filter.from, filter.to, Some(r.sample.measured_at)))
            .collect();
        let place = |r: &SampleRow| (r.sample.measured_at, r.sample_id);
        Ok(page(found, |a, b| place(b).cmp(&place(a)), at))
    }
    async fn latest_samples(&self, of: &[ScheduleId]) -> Answered<Vec<SampleRow>> {
        let state = self.look()?;
        let mut latest: BTreeMap<ScheduleId, &SampleRow> = BTreeMap::new();
        for row in state.all::<SampleRow>().filter(|r| of.contains(&r.sample.schedule_id)) {
            let place = |r: &SampleRow| (r.sample.measured_at, r.sample_id);
            let held = latest.entry(row.sample.schedule_id).or_insert(row);
            if place(row) > place(held) {
                *held = row;
            }
        }
        Ok(latest.into_values().cloned().collect())
    }
    async fn model(&self, name: &str) -> Answered<Option<ModelRow>> {
        Ok(self.look()?.get(name))
    }
    async fn models(&self, limit: u64) -> Answered<Vec<ModelRow>> {
        let state = self.look()?;
        Ok(first(state.all::<ModelRow>(), limit))
    }
    async fn artifact(&self, id: ArtifactId) -> Answered<Option<Artifact>> {
        Ok(self.look()?.get(id.0))
    }
    async fn artifact_by_path(&self, path: &str) -> Answered<Option<Artifact>> {
        Ok(self.look()?.by_unique(path.to_owned()))
    }
    async fn artifacts(&self, filter: &ArtifactFilter, at: Page) -> Answered<Listed<Artifact>> {
        let state = self.look()?;
        let found = state
            .all::<Artifact>()
            .filter(|a| has(filter.project, a.project_id) && has(filter.video, a.video_id))
            .filter(|a| has(filter.clip, a.clip_id) && is(filter.kind, a.kind))
            .filter(|a| filter.expired_before.is_none_or(|before| a.keep_until.is_some_and(|until| until < before)))
            .filter(|a| filter.include_removed || a.removed_at.is_none())
            .collect();
        Ok(page(found, |a, b| (a.created_at, a.artifact_id).cmp(&(b.created_at, b.artifact_id)), at))
    }

    async fn job(&self, id: JobId) -> Answered<Option<Job>> {
        Ok(self.look()?.get(id.0))
    }
    async fn job_by_unique_key(&self, key: &str) -> Answered<Option<Job>> {
        Ok(self.look()?.by_unique(key.to_owned()))
    }
    async fn jobs(&self, filter: &JobFilter, at: Page) -> Answered<Listed<Job>> {
        let state = self.look()?;
        let found = state
            .all::<Job>()
            .filter(|j| has(filter.project, j.project_id) && is(filter.kind, j.kind))
            .filter(|j| filter.states.is_empty() || filter.states.contains(&j.state))
            .filter(|j| filter.subject.is_none() || filter.subject == j.subject)
            .filter(|j| is(filter.trace, j.trace_id))
            .filter(|j| filter.since.is_none_or(|since| j.updated_at >= since))
            .collect();
        Ok(page(found, |a, b| (b.created_at, b.id).cmp(&(a.created_at, a.id)), at))
    }
    async fn claimable(&self, kind: JobKind, now: Moment, limit: u64) -> Answered<Vec<Job>> {
        let state = self.look()?;
        let ready = |j: &&Job| j.kind == kind && j.run_after <= now;
        let mut found: Vec<&Job> = state.jobs_in(JobState::Pending).filter(ready).collect();
        found.sort_by_key(|j| (Reverse(j.priority), j.run_after, j.id));
        Ok(first(found.into_iter(), limit))
    }
    async fn due(&self, now: Moment, limit: u64) -> Answered<Vec<Job>> {
        let state = self.look()?;
        Ok(soonest(state.jobs_in(JobState::WaitingRetry), |j| Some(j.run_after).filter(|at| *at <= now), limit))
    }
    async fn lapsed(&self, now: Moment, limit: u64) -> Answered<Vec<Job>> {
        let state = self.look()?;
        Ok(soonest(state.jobs_in(JobState::Running), |j| j.lease_until.filter(|at| *at <= now), limit))
    }
    async fn expired(&self, now: Moment, limit: u64) -> Answered<Vec<Job>> {
        let state = self.look()?;
        let waiting = state.jobs_in(JobState::Pending).chain(state.jobs_in(JobState::WaitingRetry));
        Ok(soonest(waiting, |j| j.expires_at.filter(|at| *at <= now), limit))
    }
    async fn next_due(&self, now: Moment) -> Answered<Option<Moment>> {
        let state = self.look()?;
        let pending = || state.jobs_in(JobState::Pending);
        let waiting = || state.jobs_in(JobState::WaitingRetry);
        let claimable = pending().map(|j| j.run_after).filter(|at| *at > now);
        let due = waiting().map(|j| j.run_after);
        let lapsed = state.jobs_in(JobState::Running).filter_map(|j| j.lease_until);
        let expired = pending().chain(waiting()).filter_map(|j| j.expires_at);
        Ok(claimable.chain(due).chain(lapsed).chain(expired).min())
    }
    async fn queue_depths(&self, now: Moment) -> Answered<Vec<QueueDepth>> {
        let state = self.look()?;
        let mut depths = Vec::new();
        for kind in JobKind::ALL {
            let of_kind = |state_: JobState| state.jobs_in(state_).filter(move |j| j.kind == kind);
            let ready: Vec<&Job> = of_kind(JobState::Pending).filter(|j| j.run_after <= now).collect();
            let later = of_kind(JobState::Pending).filter(|j| j.run_after > now).count();
            depths.push(QueueDepth {
                kind,
                ready: ready.len() as u64,
                waiting: (later + of_kind(JobState::WaitingRetry).count()) as u64,
                running: of_kind(JobState::Running).count() as u64,
                quarantined: of_kind(JobState::Quarantined).count() as u64,
                oldest_ready: ready.iter().map(|j| j.run_after).min(),
            });
        }
        Ok(depths)
    }

    async fn queues(&self) -> Answered<Vec<QueueControl>> {
        let mut all: Vec<QueueControl> = self.look()?.all::<QueueControl>().cloned().collect();
        all.sort_by_key(|q| q.queue);
        Ok(all)
    }
    async fn cron(&self) -> Answered<Vec<CronEntry>> {
        Ok(self.look()?.all::<CronEntry>().cloned().collect())
    }
    async fn directive(&self, id: DirectiveId) -> Answered<Option<Directive>> {
        Ok(self.look()?.get(id.0))
    }
    async fn directives(&self, asked: Option<DirectiveState>, at: Page) -> Answered<Listed<Directive>> {
        let state = self.look()?;
        let found = state.all::<Directive>().filter(|d| is(asked, d.state)).collect();
        Ok(page(found, |a, b| (a.created_at, a.directive_id).cmp(&(b.created_at, b.directive_id)), at))
    }
    async fn api_key_by_hash(&self, hash: &str) -> Answered<Option<ApiKey>> {
        Ok(self.look()?.by_unique(hash.to_owned()))
    }
    async fn api_keys(&self) -> Answered<Vec<ApiKey>> {
        let mut all: Vec<ApiKey> = self.look()?.all::<ApiKey>().cloned().collect();
        all.sort_by_key(|k| (k.created_at, k.api_key_id));
        Ok(all)
    }
    async fn answer(&self, key: &str) -> Answered<Option<IdempotentAnswer>> {
        Ok(self.look()?.get(key))
    }
    async fn setting(&self, name: &str) -> Answered<Option<Setting>> {
        Ok(self.look()?.get(name))
    }
    async fn audit(&self, at: Page) -> Answered<Listed<AuditRow>> {
        let state = self.look()?;
        let found = state.all::<AuditRow>().collect();
        Ok(page(found, |a, b| (b.at, b.request_id).cmp(&(a.at, a.request_id)), at))
    }

    async fn packet(&self, id: PacketId) -> Answered<Option<Packet>> {
        let state = self.look()?;
        Ok(state.packet_ids.get(&id).and_then(|seq| state.packets.get(usize::try_from(*seq).ok()?)).cloned())
    }
    async fn packets(&self, filter: &PacketFilter, limit: u64) -> Answered<Vec<Packet>> {
        let state = self.look()?;
        let from = usize::try_from(filter.from_seq).unwrap_or(usize::MAX);
        let found = state
            .packets
            .iter()
            .skip(from)
            .filter(|p| filter.entity.as_ref().is_none_or(|entity| *entity == p.draft.entity))
            .filter(|p| is(filter.trace, p.draft.trace_id) && has(filter.project, p.draft.project_id))
            .filter(|p| filter.kind.as_ref().is_none_or(|kind| is_of_kind(kind, &p.draft.kind)));
        Ok(first(found, limit))
    }
    async fn examined(&self, from_seq: u64, until: u64) -> Answered<Vec<Examined>> {
        examined_one_by_one(self, from_seq, until).await
    }
    async fn children(&self, id: PacketId, limit: u64) -> Answered<Vec<PacketId>> {
        let state = self.look()?;
        let seqs = state.children.get(&id).into_iter().flatten();
        let found = seqs.filter_map(|seq| state.packets.get(usize::try_from(*seq).ok()?));
        Ok(found.take(usize::try_from(limit).unwrap_or(usize::MAX)).map(|p| p.draft.stardust_id).collect())
    }
    async fn last_packet_of(&self, entity: &EntityRef) -> Answered<Option<Packet>> {
        let state = self.look()?;
        let last = state.by_entity.get(entity).and_then(|seqs| seqs.last());
        Ok(last.and_then(|seq| state.packets.get(usize::try_from(*seq).ok()?)).cloned())
    }
    async fn head(&self) -> Answered<Head> {
        let state = self.look()?;
        Ok(Head { origin: state.origin, size: state.frontier.size(), root: state.frontier.root() })
    }
    async fn leaf_hashes(&self, from_seq: u64, count: u64) -> Answered<Vec<[u8; 32]>> {
        let state = self.look()?;
        let from = usize::try_from(from_seq).unwrap_or(usize::MAX);
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        Ok(state.packets.iter().skip(from).take(count).map(|p| p.hash).collect())
    }
    async fn checkpoints(&self) -> Answered<Vec<Checkpoint>> {
        Ok(self.look()?.all::<Checkpoint>().cloned().collect())
    }

    async fn logs(&self, filter: &LogFilter, limit: u64) -> Answered<Vec<LogRow>> {
        let state = self.look()?;
        let mut found: Vec<&LogRow> = state
            .logs
            .iter()
            .filter(|l| has(filter.project, l.project_id) && has(filter.job, l.job_id) && has(filter.trace, l.trace_id))
            .filter(|l| filter.source.as_ref().is_none_or(|source| *source == l.source))
            .filter(|l| filter.stage.is_none() || filter.stage == l.stage)
            .filter(|l| is(filter.level, l.level) && within(filter.from, filter.to, Some(l.created_at)))
            .collect();
        found.sort_by_key(|l| Reverse((l.created_at, l.log_id)));
        Ok(first(found.into_iter(), limit))
    }
    async fn health(&self) -> Answered<()> {
        self.look().map(|_| ())
    }
    async fn describe(&self) -> Answered<String> {
        let state = self.look()?;
        Ok(format!("memory, {} jobs, {} packets", state.all::<Job>().count(), state.packets.len()))
    }
}
