//! Names of languages, as transcription endpoints write them, and their codes.

/// `code name` for every language that Whisper knows.
const NAMES: &str = "en english|zh chinese|de german|es spanish|ru russian|ko korean|fr french|ja japanese|pt portuguese|\
tr turkish|pl polish|ca catalan|nl dutch|ar arabic|sv swedish|it italian|id indonesian|hi hindi|fi finnish|vi vietnamese|\
he hebrew|uk ukrainian|el greek|ms malay|cs czech|ro romanian|da danish|hu hungarian|ta tamil|no norwegian|th thai|ur urdu|\
hr croatian|bg bulgarian|lt lithuanian|la latin|mi maori|ml malayalam|cy welsh|sk slovak|te telugu|fa persian|lv latvian|\
bn bengali|sr serbian|az azerbaijani|sl slovenian|kn kannada|et estonian|mk macedonian|br breton|eu basque|is icelandic|\
hy armenian|ne nepali|mn mongolian|bs bosnian|kk kazakh|sq albanian|sw swahili|gl galician|mr marathi|pa punjabi|\
si sinhala|km khmer|sn shona|yo yoruba|so somali|af afrikaans|oc occitan|ka georgian|be belarusian|tg tajik|sd sindhi|\
gu gujarati|am amharic|yi yiddish|lo lao|uz uzbek|fo faroese|ht haitian creole|ps pashto|tk turkmen|nn nynorsk|mt maltese|\
sa sanskrit|lb luxembourgish|my myanmar|bo tibetan|tl tagalog|mg malagasy|as assamese|tt tatar|haw hawaiian|ln lingala|\
ha hausa|ba bashkir|jw javanese|su sundanese|yue cantonese";

/// The code of a language given as code or English name, in any case.
pub fn code(language: &str) -> Option<&'static str> {
    let wanted = language.trim().to_lowercase();
    NAMES.split('|').filter_map(|entry| entry.split_once(' ')).find_map(|(code, name)| {
        (wanted == code || wanted == name || wanted.split('-').next() == Some(code)).then_some(code)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_codes_are_understood() {
        for (given, wanted) in [("English", "en"), ("de", "de"), ("pt-BR", "pt"), (" haitian creole", "ht")] {
            assert_eq!(code(given), Some(wanted));
        }
        assert_eq!(code("klingon"), None);
        assert_eq!(NAMES.split('|').count(), 100);
    }
}
