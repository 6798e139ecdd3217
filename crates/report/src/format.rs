//! Numbers as people read them.

use omniva_contracts::choice::Module;

/// 0 for what is no number, so that a damaged record still gives a page.
pub fn finite(v: f64) -> f64 {
    if v.is_finite() { v } else { 0.0 }
}

/// A point in time: `1:02.4`, from an hour on `1:01:02.4`.
pub fn clock(seconds: f64) -> String {
    let tenths = (finite(seconds).clamp(0.0, 1e9) * 10.0).round() as u64;
    let (s, rest) = (tenths / 10, tenths % 10);
    let (h, m, s) = (s / 3600, s / 60 % 60, s % 60);
    if h > 0 { format!("{h}:{m:02}:{s:02}.{rest}") } else { format!("{m}:{s:02}.{rest}") }
}

/// A mark on an axis, without fractions.
pub fn mark(seconds: f64) -> String {
    let s = finite(seconds).clamp(0.0, 1e9).round() as u64;
    let (h, m, s) = (s / 3600, s / 60 % 60, s % 60);
    if h > 0 { format!("{h}:{m:02}:{s:02}") } else { format!("{m}:{s:02}") }
}

/// A length in words: `41.2 s`, `3 min 59 s`, `10 h 02 min`.
pub fn length(seconds: f64) -> String {
    let v = finite(seconds).clamp(0.0, 1e9);
    let s = v.round() as u64;
    match s {
        0..60 => format!("{v:.1} s"),
        60..3600 => format!("{} min {:02} s", s / 60, s % 60),
        _ => format!("{} h {:02} min", s / 3600, s / 60 % 60),
    }
}

pub fn bytes(n: u64) -> String {
    let v = n as f64;
    match n {
        0..1_000 => format!("{n} B"),
        1_000..1_000_000 => format!("{:.0} kB", v / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", v / 1e6),
        _ => format!("{:.2} GB", v / 1e9),
    }
}

/// `2 clips`, `1 clip`.
pub fn count(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

/// A name of ours as words: `stands_alone` → `stands alone`.
pub fn words(name: &str) -> String {
    name.replace('_', " ")
}

/// Name for people, and the class that colours it.
pub fn module(module: Module) -> (&'static str, &'static str) {
    match module {
        Module::Paradox => ("Paradox", "m-paradox"),
        Module::Eclipse => ("Eclipse", "m-eclipse"),
        Module::Stardust => ("Stardust", "m-stardust"),
        Module::Lattice => ("Lattice", "m-lattice"),
        Module::Horizon => ("Horizon", "m-horizon"),
        Module::Pantheon => ("Pantheon", "m-pantheon"),
        Module::Chorus => ("Chorus", "m-chorus"),
        Module::Halolux => ("Halolux", "m-halolux"),
        Module::Zenith => ("Zenith", "m-zenith"),
    }
}

/// Display name of a language code where we know one.
pub fn language(code: &str) -> Option<&'static str> {
    Some(match code {
        "en" => "English",
        "de" => "German",
        "fr" => "French",
        "es" => "Spanish",
        "it" => "Italian",
        "pt" => "Portuguese",
        "nl" => "Dutch",
        "pl" => "Polish",
        "sv" => "Swedish",
        "da" => "Danish",
        "no" => "Norwegian",
        "fi" => "Finnish",
        "cs" => "Czech",
        "tr" => "Turkish",
        "ru" => "Russian",
        "uk" => "Ukrainian",
        "el" => "Greek",
        "ar" => "Arabic",
        "he" => "Hebrew",
        "hi" => "Hindi",
        "ja" => "Japanese",
        "ko" => "Korean",
        "zh" => "Chinese",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_read_well() {
        assert_eq!(clock(62.44), "1:02.4");
        assert_eq!(clock(59.96), "1:00.0");
        assert_eq!(clock(3661.0), "1:01:01.0");
        assert_eq!(clock(f64::NAN), "0:00.0");
        assert_eq!(mark(36_000.0), "10:00:00");
        assert_eq!(length(59.4), "59.4 s");
        assert_eq!(length(239.06), "3 min 59 s");
        assert_eq!(length(36_120.0), "10 h 02 min");
        assert_eq!(bytes(26_320_361), "26.3 MB");
        assert_eq!(count(1, "clip", "clips"), "1 clip");
    }
}
