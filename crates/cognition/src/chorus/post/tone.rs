//! How loud a text may be.

use omniva_contracts::engine::Tone;

/// Letters below which capitals are no shouting: an abbreviation, a name.
const FEW_LETTERS: usize = 8;

/// What of `text` is too loud, in words.
pub(super) fn breaks(text: &str, tone: Tone) -> Option<&'static str> {
    if tone == Tone::AsSpoken {
        return None;
    }
    if text.contains(is_exclamation) {
        return Some("it has an exclamation mark");
    }
    if text.lines().any(is_shouted) {
        return Some("it is written in capitals");
    }
    (tone == Tone::Formal && text.chars().any(is_emoji)).then_some("it has an emoji")
}

/// The text as this tone has it.
pub(super) fn toned(text: &str, tone: Tone) -> String {
    if tone == Tone::AsSpoken {
        return text.to_owned();
    }
    let mut calm = String::with_capacity(text.len());
    for c in text.chars() {
        let c = if is_exclamation(c) { '.' } else { c };
        let again = c == '.' && calm.ends_with(['.', '?', '…']) && text.contains(is_exclamation);
        if !(again || tone == Tone::Formal && is_emoji(c)) {
            calm.push(c);
        }
    }
    let line = |line: &str| if is_shouted(line) { sentence_case(line) } else { line.to_owned() };
    calm.split('\n').map(line).collect::<Vec<_>>().join("\n").trim().to_owned()
}

fn is_exclamation(c: char) -> bool {
    matches!(c, '!' | '！' | '¡' | '‼' | '⁉' | '❗' | '❕')
}

fn is_shouted(line: &str) -> bool {
    let letters: Vec<char> = line.chars().filter(|c| c.is_alphabetic()).collect();
    letters.len() > FEW_LETTERS && letters.iter().filter(|c| is_capital(**c)).count() * 10 > letters.len() * 7
}

/// Some letters are capitals and know no other form.
fn is_capital(c: char) -> bool {
    c.is_uppercase() && !c.to_lowercase().eq([c])
}

fn sentence_case(line: &str) -> String {
    let mut first = true;
    let mut out = String::with_capacity(line.len());
    for c in line.chars() {
        if c.is_alphabetic() && first {
            first = false;
            out.push(c);
        } else {
            first |= matches!(c, '.' | '?');
            out.extend(c.to_lowercase());
        }
    }
    // Initials only: "A. B. C."
    if is_shouted(&out) { line.to_lowercase() } else { out }
}

/// Pictures, and what joins and colours them.
fn is_emoji(c: char) -> bool {
    matches!(c,
        '\u{1f000}'..='\u{1faff}' | '\u{2600}'..='\u{27bf}' | '\u{2b00}'..='\u{2bff}' | '\u{231a}'..='\u{23ff}'
        | '\u{fe0f}' | '\u{20e3}' | '\u{e0020}'..='\u{e007f}' | '\u{200d}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn loud_texts_become_calm() {
        for (loud, tone, calm) in [
            ("Wow! That is it!!!", Tone::AsSpoken, "Wow! That is it!!!"),
            ("Wow! That is it!!!", Tone::Calm, "Wow. That is it."),
            ("THIS IS HOW YOU WIN", Tone::Calm, "This is how you win"),
            ("NASA flew", Tone::Calm, "NASA flew"),
            ("Really?! 🎬", Tone::Calm, "Really? 🎬"),
            ("Really 🎬👍🏽", Tone::Formal, "Really"),
        ] {
            assert_eq!(toned(loud, tone), calm);
        }
        assert_eq!(breaks("a!", Tone::AsSpoken), None);
        assert!(breaks("a!", Tone::Calm).is_some() && breaks("🎬", Tone::Formal).is_some());
        assert_eq!(breaks("🎬", Tone::Calm), None);
    }

    proptest! {
        #[test]
        fn what_was_toned_breaks_nothing(text in "([A-Z!?. \n]|\\PC){0,40}", n in 0usize..3) {
            let tone = [Tone::AsSpoken, Tone::Calm, Tone::Formal][n];
            prop_assert_eq!(breaks(&toned(&text, tone), tone), None);
        }
    }
}
