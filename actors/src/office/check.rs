//! What names, texts and settings may be. All faults of one request are named together.

use std::time::Duration;

use omniva_cognition::chorus::post::check_voice;
use omniva_cognition::zone::Zone;
use omniva_contracts::config::{Endpoints, MixTarget, QuietHours};
use omniva_contracts::engine::*;

use super::Refusal;

/// Steps that a forced edit may name; all of them when it names none.
pub const EDIT_OPERATIONS: [&str; 4] = ["autocut", "reframe", "captions", "audio"];

const MAX_REASON: usize = 500;
const MAX_NAME: usize = 100;
const MAX_DESCRIPTION: usize = 2_000;
const MAX_KEYWORD: usize = 60;
const MAX_PATH: usize = 4_096;

/// Collects what is wrong.
#[derive(Default)]
pub(super) struct Faults(Vec<(String, String)>);

impl Faults {
    pub fn add(&mut self, field: &str, wrong: impl Into<String>) {
        self.0.push((field.to_owned(), wrong.into()));
    }
    pub fn unless(&mut self, good: bool, field: &str, wrong: &str) {
        if !good {
            self.add(field, wrong);
        }
    }
    pub fn verdict(self) -> Result<(), Refusal> {
        if self.0.is_empty() {
            return Ok(());
        }
        let names: Vec<&str> = self.0.iter().map(|(name, _)| name.as_str()).collect();
        let message = format!("not valid: {}", names.join(", "));
        Err(Refusal { fields: self.0, ..Refusal::new(400, "VALIDATION_ERROR", message) })
    }

    /// Printable text of at most `most` characters; line breaks only where they are welcome.
    pub fn text(&mut self, field: &str, text: &str, most: usize, lines: bool) {
        self.unless(text.chars().count() <= most, field, &format!("has more than {most} characters"));
        let bad = text.chars().any(|c| c.is_control() && !(lines && matches!(c, '\n' | '\r' | '\t')));
        self.unless(!bad, field, "has control characters");
    }
    pub fn name(&mut self, field: &str, text: &str) {
        self.unless(!text.trim().is_empty(), field, "is empty");
        self.unless(text.trim() == text, field, "begins or ends with white space");
        self.text(field, text, MAX_NAME, false);
    }
    pub fn description(&mut self, text: &str) {
        self.text("description", text, MAX_DESCRIPTION, true);
    }
    pub fn reason(&mut self, text: &str) {
        self.text("reason", text, MAX_REASON, false);
    }
    /// An absolute path without `.` and `..`.
    pub fn folder(&mut self, field: &str, path: &str) {
        let plain = path.starts_with('/') && !path.split('/').any(|part| matches!(part, "." | ".."));
        self.unless(plain, field, "must be an absolute path without . and ..");
        self.text(field, path, MAX_PATH, false);
    }
    pub fn source(&mut self, source: Option<&SourceSpec>) {
        match source {
            Some(SourceSpec::Inbox { folder }) => self.folder("source.folder", folder),
            Some(other) => {
                if let Err(fault) = other.check() {
                    self.add("source", format!("{}; {}", fault.message, fault.next_step));
                }
            }
            None => {}
        }
    }
    pub fn window(&mut self, field: &str, days: u32) {
        self.unless((1..=365).contains(&days), field, "must be 1 to 365 days");
    }

    /// `endpoints`: what the places take, which texts must fit into.
    pub fn settings(&mut self, s: &ProjectSettings, endpoints: &Endpoints) {
        self.window("settings.scrape_window_days", s.scrape_window_days);
        self.unless((1..=10).contains(&s.daily_quota), "settings.daily_quota", "must be 1 to 10");
        self.unless(s.keywords.len() <= 100, "settings.keywords", "has more than 100 entries");
        for keyword in &s.keywords {
            self.unless(!keyword.trim().is_empty(), "settings.keywords", "has an empty entry");
            self.text("settings.keywords", keyword, MAX_KEYWORD, false);
        }
        if let Some(n) = s.clips_per_video {
            self.unless((1..=50).contains(&n), "settings.clips_per_video", "must be 1 to 50");
        }
        let seconds = |x: f64| (5.0..=120.0).contains(&x);
        self.unless(s.clip_min_seconds.is_none_or(seconds), "settings.clip_min_seconds", "must be 5 to 120");
        self.unless(s.clip_max_seconds.is_none_or(seconds), "settings.clip_max_seconds", "must be 5 to 120");
        if let (Some(min), Some(max)) = (s.clip_min_seconds, s.clip_max_seconds) {
            self.unless(min < max, "settings.clip_max_seconds", "must be more than clip_min_seconds");
        }
        if let Some(language) = &s.language {
            let code = language.len() == 2 && language.bytes().all(|b| b.is_ascii_lowercase());
            self.unless(code || language == "auto", "settings.language", "must be an ISO 639-1 code, or auto");
        }
        if let Some(captions) = &s.captions {
            self.unless(!captions.is_empty(), "settings.captions", "is empty");
            self.text("settings.captions", captions, 60, false);
        }
        if let Some(folder) = &s.output_folder {
            self.folder("settings.output_folder", folder);
        }
        if let Some(Err(wrong)) = s.publish_to.as_deref().map(Target::parse) {
            self.unless(false, "settings.publish_to", &wrong.next_step);
        }
        self.mix("settings.mix", &s.mix);
        self.unless(s.channels.len() <= 20, "settings.channels", "has more than 20 entries");
        let mut targets = std::collections::BTreeSet::new();
        for (n, channel) in s.channels.iter().enumerate() {
            let path = format!("settings.channels.{n}");
            match Target::parse(&channel.target) {
                Ok(target) => {
                    self.unless(targets.insert(target), &format!("{path}.target"), "is named by another channel")
                }
                Err(wrong) => self.add(&format!("{path}.target"), wrong.next_step),
            }
            self.channel(&path, channel);
        }
        if let Some(voice) = &s.voice {
            self.0.extend(check_voice(voice, "settings.voice", endpoints));
        }
    }

    fn channel(&mut self, path: &str, c: &ChannelSettings) {
        if let Err(wrong) = Zone::named(&c.time_zone) {
            self.add(&format!("{path}.time_zone"), format!("{}; {}", wrong.message, wrong.next_step));
        }
        self.unless((1..=10).contains(&c.daily_quota), &format!("{path}.daily_quota"), "must be 1 to 10");
        let spacing = c.spacing_minutes.unwrap_or(0);
        self.unless(spacing <= 10_080, &format!("{path}.spacing_minutes"), "must be 0 to 10080");
        let hours = |w: &PostingWindow| w.from <= 23 && (1..=24).contains(&w.to) && w.from != w.to;
        self.unless(c.windows.len() <= 12, &format!("{path}.windows"), "has more than 12 entries");
        self.unless(
            c.windows.iter().all(hours),
            &format!("{path}.windows"),
            "must go from 0..=23 to another of 1..=24",
        );
        let quiet = c.quiet_hours.as_deref().unwrap_or_default();
        let field = format!("{path}.quiet_hours");
        self.unless(quiet.len() <= 12, &field, "has more than 12 entries");
        let spans: Vec<Option<(u32, u32)>> = quiet.iter().map(QuietHours::minutes).collect();
        let good = spans.iter().all(|span| span.is_some_and(|(from, to)| from != to));
        self.unless(good, &field, "must be two different times hh:mm each");
        let holds =
            |m: u32, (from, to): (u32, u32)| if from < to { (from..to).contains(&m) } else { m >= from || m < to };
        let loud = (0..1440).any(|minute| !spans.iter().flatten().any(|span| holds(minute, *span)));
        self.unless(loud, &field, "must leave part of the day free");
        self.mix(&format!("{path}.mix"), &c.mix);
    }

    /// Kinds of content with shares that can be met together.
    fn mix(&mut self, field: &str, mix: &[MixTarget]) {
        self.unless(mix.len() <= 20, field, "has more than 20 entries");
        let total: f64 = mix.iter().map(|m| m.share).sum();
        let shares = mix.iter().all(|m| (0.0..=1.0).contains(&m.share)) && total <= 1.0 + 1e-9;
        self.unless(shares, field, "must have shares of 0 to 1 that add up to at most 1");
        let labels: std::collections::BTreeSet<&str> = mix.iter().map(|m| m.label.as_str()).collect();
        self.unless(labels.len() == mix.len(), field, "names a kind twice");
        for target in mix {
            self.text(field, &target.label, MAX_KEYWORD, false);
            self.unless(target.keywords.len() <= 100, field, "has a kind with more than 100 keywords");
            target.keywords.iter().for_each(|word| self.text(field, word, MAX_KEYWORD, false));
        }
    }
}

/// As stored: no `@`, lower case. `None` when it can't be a handle on any platform.
pub fn normal_handle(handle: &str) -> Option<String> {
    let name = handle.trim();
    let name = name.strip_prefix('@').unwrap_or(name).to_lowercase();
    let good = (1..=64).contains(&name.chars().count())
        && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-'))
        && name.chars().any(char::is_alphanumeric);
    good.then_some(name)
}

/// `http` or `https`, a host, no user-info, no spaces.
pub(super) fn is_web_address(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    rest.is_some_and(|rest| {
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        !host.is_empty()
            && !host.contains('@')
            && url.len() <= 2_048
            && !url.chars().any(|c| c.is_control() || c == ' ')
    })
}

/// A day given as `YYYY-MM-DD`, UTC: its first instant and that of the next.
pub(super) fn day(text: &str) -> Option<(Moment, Moment)> {
    (text.len() == 10).then_some(())?;
    let start = Moment::parse(&format!("{text}T00:00:00Z"))?;
    Some((start, start.after(Duration::from_secs(86_400))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoints() -> Endpoints {
        Endpoints::load(None).expect("shipped")
    }

    /// An operator whose platform takes less than the shipped numbers say must not be told that a text fits.
    #[test]
    fn a_voice_is_checked_against_the_limits_that_the_operator_set() {
        let template = TextTemplate { title: "Harbour: {{title}}".into(), description: "{{hashtags}}".into() };
        let voice = ProjectVoice { templates: [(Outlet::Youtube, template)].into(), ..ProjectVoice::default() };
        let settings = ProjectSettings { voice: Some(Box::new(voice)), ..ProjectSettings::default() };
        let verdict = |endpoints: &Endpoints| {
            let mut faults = Faults::default();
            faults.settings(&settings, endpoints);
            faults.verdict()
        };
        verdict(&endpoints()).expect("fits into what is shipped");
        let mut tight = endpoints();
        tight.youtube.title_chars = 20;
        let refusal = verdict(&tight).expect_err("does not fit any more");
        assert_eq!(refusal.fields[0].0, "settings.voice.templates.youtube.title");
    }

    #[test]
    fn handles_are_normalised_and_nonsense_is_refused() {
        assert_eq!(normal_handle(" @CreatorLab ").as_deref(), Some("creatorlab"));
        assert_eq!(normal_handle("a.b_c-d").as_deref(), Some("a.b_c-d"));
        for bad in ["", "@", "@@x", "a b", "a/b", "..", "x\u{0}", &"x".repeat(65)] {
            assert_eq!(normal_handle(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn every_fault_of_the_settings_is_named() {
        let mut faults = Faults::default();
        let wrong = ProjectSettings {
            scrape_window_days: 0,
            daily_quota: 11,
            clip_min_seconds: Some(60.0),
            clip_max_seconds: Some(30.0),
            language: Some("english".into()),
            output_folder: Some("/srv/../etc".into()),
            ..ProjectSettings::default()
        };
        faults.settings(&wrong, &endpoints());
        let refusal = faults.verdict().expect_err("refused");
        let names: Vec<&str> = refusal.fields.iter().map(|(n, _)| n.as_str()).collect();
        assert_eq!(
            names,
            [
                "settings.scrape_window_days",
                "settings.daily_quota",
                "settings.clip_max_seconds",
                "settings.language",
                "settings.output_folder"
            ]
        );
        assert_eq!((refusal.status, refusal.code), (400, "VALIDATION_ERROR"));
    }

    #[test]
    fn a_channel_is_told_what_is_wrong_with_it_by_its_place() {
        let mut faults = Faults::default();
        let quiet = |from: &str, to: &str| QuietHours { from: from.into(), to: to.into() };
        let target = |share| MixTarget { label: format!("{share}"), keywords: vec!["how".into()], share };
        let wrong = ChannelSettings {
            time_zone: "Europe/Atlantis".into(),
            daily_quota: 0,
            spacing_minutes: Some(99_999),
            windows: vec![PostingWindow { from: 24, to: 24 }],
            quiet_hours: Some(vec![quiet("00:00", "12:00"), quiet("12:00", "00:00")]),
            mix: vec![target(0.6), target(0.5)],
            ..ChannelSettings::new("myspace/tom")
        };
        let twice = [ChannelSettings::new("youtube/a"), ChannelSettings::new("youtube_shorts/a")];
        let channels = [wrong].into_iter().chain(twice).collect();
        faults.settings(&ProjectSettings { channels, ..ProjectSettings::default() }, &endpoints());
        let refusal = faults.verdict().expect_err("refused");
        let names: Vec<&str> = refusal.fields.iter().filter_map(|(n, _)| n.strip_prefix("settings.channels")).collect();
        let first = ["target", "time_zone", "daily_quota", "spacing_minutes", "windows", "quiet_hours", "mix"];
        let mut expected: Vec<String> = first.map(|name| format!(".0.{name}")).to_vec();
        expected.push(".2.target".into());
        assert_eq!(names, expected);
    }

    #[test]
    fn a_day_is_a_utc_day() {
        let (start, end) = day("2024-02-29").expect("a day");
        assert_eq!(start.to_string(), "2024-02-29T00:00:00.000000Z");
        assert_eq!(end.to_string(), "2024-03-01T00:00:00.000000Z");
        assert_eq!(day("2023-02-29"), None);
        assert_eq!(day("2024-2-1"), None);
    }

    #[test]
    fn web_addresses() {
        assert!(is_web_address("https://tiktok.com/@creatorlab"));
        for bad in ["ftp://x", "https://", "https://user@host/", "javascript:alert(1)", "https://a b"] {
            assert!(!is_web_address(bad), "{bad}");
        }
    }
}
