//! Records with realistic content, and a check of the page's markup.

pub mod markup;

use omniva_contracts::analysis::{
    AudioPeak, Curve, Keyword, KeywordKind, Language, ModelRun, PeakKind, Shot, Topic, Turn,
};
use omniva_contracts::choice::{Candidate, Choice, Features, Module, ScorePart, Scores, Verdict, Vote};
use omniva_contracts::config::Config;
use omniva_contracts::geometry::{Rect, Span, ms};
use omniva_contracts::media::{AudioInfo, Container, MediaInfo, VideoInfo};
use omniva_contracts::plan::{
    Aspect, AudioPlan, BrandPlan, Canvas, CropKey, Cut, CutReason, EditPlan, EncodePlan, EncoderChoice, Keep, Layout,
    Scene,
};
use omniva_contracts::qc::{QcCheck, QcReport};
use omniva_contracts::record::{
    ClipDecision, ClipFailure, ClipFiles, ClipMeasured, ClipRecord, Decisions, Draft, Framing, RunMeasured, RunRecord,
    SentenceLine, StageTime, StyleDelta, Timeline,
};
use omniva_contracts::wire::{AnalysisResult, ClipCandidate, EditJob};
use omniva_contracts::{Code, Fault};

/// Text that breaks out of HTML, attributes, scripts and lines wherever it is not escaped.
pub const NASTY: &str =
    "</script><script>alert(1)</script>\"'><img src=x onerror=alert(1)>&amp;\u{2028}\u{202e}--><!--";

const PERSONAS: [&str; 7] = ["strategist", "guardian", "virality", "relevance", "novelty", "quality", "consistency"];

/// A talk of `candidates` candidates (the first three chosen, ranks 1 to 3, all delivered) and `sentences` sentences.
pub fn record(candidates: usize, sentences: usize) -> RunRecord {
    let duration = (sentences as f64 * 5.0).max(240.0);
    let list: Vec<Candidate> = (0..candidates).map(|i| candidate(i, candidates, duration)).collect();
    let chosen: Vec<Candidate> = list.iter().filter(|c| c.chosen()).cloned().collect();
    let clips: Vec<ClipRecord> = chosen.iter().zip(1..).map(|(c, rank)| clip(c, rank)).collect();
    RunRecord {
        schema_version: "1.0.0".into(),
        omniva_version: "0.1.0".into(),
        source_name: "Panel: what we learned.mp4".into(),
        dry_run: false,
        decisions: Decisions {
            media: media(duration),
            config_sha256: "1d96d541".repeat(8),
            config: Config::load(None).expect("the shipped configuration"),
            models: vec![ModelRun {
                role: "speech_recognition".into(),
                name: "whisper-base-int8".into(),
                sha256: "ab".repeat(32),
            }],
            language: Some(Language { code: "en".into(), confidence: 0.975 }),
            timeline: timeline(sentences, duration),
            choice: Choice {
                chosen: chosen.iter().map(|c| c.id.clone()).collect(),
                candidates: list,
                windows_scanned: 1234,
                why_none: None,
                notes: vec!["fewer clips than asked for fit the topics".into()],
            },
            analysis_result: AnalysisResult {
                video_id: uuid::Uuid::nil(),
                transcript: String::new(),
                keywords_detected: vec![],
                virality_score: 0.8,
                relevance_score: 0.7,
                clip_candidates: vec![],
                meta_parents: vec![],
                generated_at: None,
            },
            clips: clips.iter().map(decision).collect(),
            warnings: vec!["the language was guessed with low confidence".into()],
        },
        clips,
        failures: vec![],
        measured: RunMeasured {
            stages: vec![StageTime { stage: "listen".into(), wall_seconds: 12.5, from_cache: false }],
            wall_seconds: 75.0,
            finished_at: "2026-01-02T03:04:05Z".into(),
            peak_memory_bytes: 388_217_856,
        },
    }
}

/// The same as a dry run would leave it.
pub fn dry(mut record: RunRecord) -> RunRecord {
    record.dry_run = true;
    record.clips.clear();
    record
}

/// The same when nothing was worth clipping.
pub fn none(mut record: RunRecord) -> RunRecord {
    let d = &mut record.decisions;
    for c in &mut d.choice.candidates {
        c.verdict = rejected(Module::Zenith, "below_floor", "rank score under the floor of 0.30", None);
    }
    d.choice.chosen.clear();
    d.choice.why_none = Some("All candidates lie under the floor of 0.30; the best reaches 0.21.".into());
    d.clips.clear();
    record.clips.clear();
    record
}

/// The same with the second clip refused by quality control.
pub fn failed(mut record: RunRecord) -> RunRecord {
    let mut lost = record.clips.remove(1);
    let qc = lost.qc.as_mut().expect("was checked");
    qc.checks[1].passed = false;
    record.failures.push(ClipFailure {
        candidate: lost.candidate.id,
        rank: lost.rank,
        fault: Fault::new(Code::ClipRefused, "the clip is too quiet", "raise the gain and run again")
            .with_detail("ebur128: -31 LUFS"),
        qc: lost.qc,
    });
    record
}

fn media(duration: f64) -> MediaInfo {
    MediaInfo {
        sha256: "71f0cb72".repeat(8),
        bytes: 26_320_361,
        container: Container::Mov,
        duration,
        video: Some(VideoInfo { codec: "h264".into(), width: 1280, height: 720, fps: 25.0 }),
        audio: Some(AudioInfo { codec: "aac".into(), sample_rate: 48_000, channels: 2 }),
        repairs: vec![],
        normalised: false,
        inside_bars: None,
    }
}

fn timeline(sentences: usize, duration: f64) -> Timeline {
    let lines: Vec<SentenceLine> = (0..sentences)
        .map(|i| SentenceLine {
            start: i as f64 * 5.0,
            end: i as f64 * 5.0 + 4.6,
            speaker: (i / 7 % 4) as u32,
            topic: (i / 50) as u32,
            text: format!(
                "Sentence {i} says something of the usual length about markets, music and the weather at sea."
            ),
            sentiment: 0.1,
            confidence: 0.93,
        })
        .collect();
    Timeline {
        waveform: Curve { step: duration / 2000.0, values: (0..2000).map(|i| (i % 97) as f32 / 97.0).collect() },
        speech: lines.iter().map(|l| Span::new(l.start, l.end)).collect(),
        turns: lines.iter().map(|l| Turn { start: l.start, end: l.end, speaker: l.speaker }).collect(),
        shots: (0..sentences.max(4))
            .map(|i| Shot { start: i as f64 * 5.0, end: i as f64 * 5.0 + 5.0, motion: 0.02 })
            .collect(),
        peaks: vec![AudioPeak { start: 30.0, end: 31.0, kind: PeakKind::Laughter, strength: 0.7 }],
        topics: vec![Topic {
            id: 0,
            start: 0.0,
            end: duration / 2.0,
            label: "markets, music".into(),
            keywords: vec!["markets".into()],
        }],
        keywords: vec![Keyword { term: "sea".into(), kind: KeywordKind::Extracted, weight: 1.0, mentions: vec![4.0] }],
        faces: vec![Span::new(0.0, duration)],
        inside_bars: None,
        sentences: lines,
    }
}

fn candidate(i: usize, of: usize, duration: f64) -> Candidate {
    let start = ms(i as f64 * (duration - 60.0).max(1.0) / of as f64);
    let parts = |names: &[&str]| -> Vec<ScorePart> {
        names
            .iter()
            .map(|n| ScorePart {
                feature: (*n).into(),
                value: 0.6,
                weight: 1.0 / names.len() as f64,
                points: 0.6 / names.len() as f64,
            })
            .collect()
    };
    let verdict = match i {
        0..3 => {
            Verdict::Chosen { rank: i as u32 + 1, reason: "ends on its point (payoff 0.93); consensus 0.83".into() }
        }
        _ if i.is_multiple_of(2) => {
            rejected(Module::Paradox, "overlaps", "shares 20.0 s with a better one", Some("c001"))
        }
        _ => rejected(Module::Pantheon, "outvoted", "the council's consensus is too low", None),
    };
    Candidate {
        id: format!("c{:03}", i + 1),
        span: Span::new(start, start + 42.0),
        first_sentence: 0,
        end_sentence: 5,
        opening: format!("Opening words of candidate number {}, which go on for a while …", i + 1),
        topic: Some(0),
        speakers: vec![0],
        tags: vec!["monologue".into(), "sea".into()],
        features: Features::default(),
        scores: Scores {
            virality: 0.6,
            relevance: 0.6,
            virality_parts: parts(&["hook", "payoff", "emotion", "energy", "faces", "pace", "novelty", "density"]),
            relevance_parts: parts(&["keywords", "clarity", "stands_alone", "density", "boundaries"]),
        },
        votes: PERSONAS
            .iter()
            .map(|p| Vote {
                agent: (*p).into(),
                vote: 0.7,
                confidence: 0.8,
                commentary: "Makes sense on its own (stands alone 0.89); opens strongly (hook 0.63).".into(),
            })
            .collect(),
        consensus: 0.7,
        dissent: 0.1,
        lattice_priority: 0.5,
        horizon_bias: 0.0,
        rank_score: 0.9 - i as f64 * 0.001,
        verdict,
    }
}

fn rejected(by: Module, code: &str, reason: &str, because_of: Option<&str>) -> Verdict {
    Verdict::Rejected { by, code: code.into(), reason: reason.into(), because_of: because_of.map(Into::into) }
}

fn clip(c: &Candidate, rank: u32) -> ClipRecord {
    let base = format!("{rank:02}-a talk & more #{rank}");
    ClipRecord {
        schema_version: "1.0.0".into(),
        rank,
        slug: format!("a-talk-{rank}"),
        candidate: c.clone(),
        clip_candidate: ClipCandidate {
            start_time: c.span.start,
            end_time: c.span.end,
            confidence: 0.7,
            subject_focus: "speaker_1".into(),
            faces_detected: 1,
            semantic_tags: vec![],
            pantheon_votes: c.vote_map(),
            lattice_priority: 0.5,
            clip_id: Some(uuid::Uuid::nil()),
        },
        votes: c.votes.clone(),
        edit_job: EditJob {
            clip_id: uuid::Uuid::nil(),
            operations: vec!["take 0.00–42.00 s of the source".into(), "cut 10.00–10.50 s (filler)".into()],
            ffmpeg_commands: vec!["ffmpeg -y -ss 0 -i file:panel.mp4 out.mp4".into()],
            gpu_required: false,
            estimated_duration: 19,
            expected_outputs: vec![],
        },
        plan: plan(c),
        metadata: Draft {
            title: format!("Title of clip {rank}"),
            description: "What the clip is about.\n\n#shorts".into(),
            keywords: vec!["sea".into()],
            style_deltas: vec![StyleDelta {
                field: "title".into(),
                before: "title.".into(),
                after: "Title".into(),
                why: "written as a title".into(),
                rule: String::new(),
            }],
        },
        transcript: "The words of the clip.".into(),
        framing: Framing { face_in_crop: 0.99, face_samples: 150, reversals_per_second: 0.02, long_pause_share: 0.01 },
        files: ClipFiles {
            video: format!("{base}.mp4"),
            thumbnail: format!("{base}.jpg"),
            record: format!("{base}.json"),
            srt: Some(format!("{base}.srt")),
            vtt: Some(format!("{base}.vtt")),
            ass: Some(format!("{base}.ass")),
        },
        qc: Some(qc()),
        measured: Some(ClipMeasured {
            encoder: "libx264".into(),
            encoder_note: "NVENC did not open".into(),
            wall_seconds: 30.0,
            cpu_seconds: 55.0,
            loudness_before: -22.2,
            from_cache: false,
        }),
    }
}

fn decision(c: &ClipRecord) -> ClipDecision {
    ClipDecision {
        rank: c.rank,
        slug: c.slug.clone(),
        candidate: c.candidate.id.clone(),
        plan: c.plan.clone(),
        edit_job: c.edit_job.clone(),
        metadata: c.metadata.clone(),
        framing: c.framing.clone(),
        transcript: c.transcript.clone(),
    }
}

fn qc() -> QcReport {
    let check = |name: &str, measured: &str, limit: &str| QcCheck {
        name: name.into(),
        passed: true,
        measured: measured.into(),
        limit: limit.into(),
    };
    QcReport {
        checks: vec![check("decodes", "1,245 frames", "all"), check("loudness", "-14.1 LUFS", "-14 ± 1 LUFS")],
        sha256: "cd".repeat(32),
        bytes: 13_000_000,
        duration: 41.5,
        frames: 1245,
        integrated_lufs: -14.1,
        true_peak_dbtp: -1.4,
        av_offset_ms: 0.0,
        av_drift_ms: 4.0,
        repairs: vec![],
    }
}

fn plan(c: &Candidate) -> EditPlan {
    let s = c.span.start;
    let full = Rect::new(0.3, 0.0, 0.3164, 1.0);
    EditPlan {
        schema_version: "1.0.0".into(),
        clip_id: uuid::Uuid::nil(),
        candidate: c.id.clone(),
        source_span: c.span,
        canvas: Canvas {
            aspect: Aspect::Square,
            width: 1080,
            height: 1080,
            fps: 30,
            fallback: Some("two people stand too far apart for 9:16".into()),
        },
        keep: vec![
            Keep { source: Span::new(s, s + 10.0), out: 0.0 },
            Keep { source: Span::new(s + 10.5, s + 42.0), out: 10.0 },
        ],
        cuts: vec![Cut { source: Span::new(s + 10.0, s + 10.5), why: CutReason::Filler, text: "um".into() }],
        scenes: vec![
            Scene {
                out: Span::new(0.0, 20.0),
                layout: Layout::Single {
                    keys: vec![CropKey { out: 0.0, rect: full }, CropKey { out: 20.0, rect: full }],
                },
                why: "one face".into(),
            },
            Scene {
                out: Span::new(20.0, 41.5),
                layout: Layout::Fit { rect: Rect::FULL },
                why: "nobody to follow".into(),
            },
        ],
        audio: AudioPlan {
            denoise: true,
            deess: true,
            compress_ratio: 2.0,
            target_lufs: -14.0,
            ceiling_dbtp: -1.0,
            cut_fade: 0.012,
        },
        captions: None,
        brand: BrandPlan { background: "#10131A".into(), accent: "#FFD23F".into(), ..BrandPlan::default() },
        encode: EncodePlan {
            encoder: EncoderChoice::Auto,
            preset: "veryfast".into(),
            crf: 20,
            audio_kbps: 160,
            max_bytes: 60_000_000,
        },
        notes: vec![],
    }
}
