//! File names out of titles.

/// Most bytes of a slug.
const MAX: usize = 48;

/// Letters with marks and what they are written as without, in lower case; what decomposes (Unicode 16, Latin-1,
/// Latin Extended-A, -B and Additional) and what is written as two.
const LATIN: [(&str, &str); 37] = [
    ("a", "àáâãäåāăąǎǟǡǻȁȃȧḁạảấầẩẫậắằẳẵặ"),
    ("b", "ḃḅḇ"),
    ("c", "çćĉċčḉ"),
    ("d", "ďḋḍḏḑḓđð"),
    ("e", "èéêëēĕėęěȅȇȩḕḗḙḛḝẹẻẽếềểễệəɛ"),
    ("f", "ḟƒ"),
    ("g", "ĝğġģǧǵḡ"),
    ("h", "ĥȟḣḥḧḩḫẖħ"),
    ("i", "ìíîïĩīĭįǐȉȋḭḯỉịı"),
    ("ij", "ĳ"),
    ("j", "ĵǰ"),
    ("k", "ķǩḱḳḵĸ"),
    ("l", "ĺļľŀḷḹḻḽł"),
    ("m", "ḿṁṃ"),
    ("n", "ñńņňǹṅṇṉṋŋŉ"),
    ("o", "òóôõöōŏőơǒǫǭȍȏȫȭȯȱṍṏṑṓọỏốồổỗộớờởỡợøɔ"),
    ("p", "ṕṗ"),
    ("r", "ŕŗřȑȓṙṛṝṟ"),
    ("s", "śŝşšșṡṣṥṧṩẛſ"),
    ("t", "ţťțṫṭṯṱẗŧ"),
    ("u", "ùúûüũūŭůűųưǔǖǘǚǜȕȗṳṵṷṹṻụủứừửữự"),
    ("v", "ṽṿ"),
    ("w", "ŵẁẃẅẇẉẘ"),
    ("x", "ẋẍ"),
    ("y", "ýÿŷȳẏẙỳỵỷỹ"),
    ("z", "źžżẑẓẕ"),
    ("ss", "ß"),
    ("ae", "æ"),
    ("oe", "œ"),
    ("th", "þ"),
    ("fi", "ﬁ"),
    ("fl", "ﬂ"),
    ("and", "&"),
    ("percent", "%"),
    ("eur", "€"),
    ("1", "¹"),
    ("2", "²"),
];

/// A part of a file name for people: `a-z`, `0-9` and single hyphens between them, 1 to 48 bytes, cut at a word where
/// that keeps half of it. A title without any Latin letter or digit is `clip`. Never a path, whatever the title is.
pub fn slug(title: &str) -> String {
    let mut slug = String::new();
    let mut gap = false;
    for c in title.chars().flat_map(char::to_lowercase) {
        let mut buffer = [0u8; 4];
        let text: &str = match c {
            'a'..='z' | '0'..='9' => c.encode_utf8(&mut buffer),
            // Inside a word: "don't", and the marks of decomposed letters.
            '\'' | '’' | '\u{ad}' | '\u{300}'..='\u{36f}' => continue,
            other => latin(other),
        };
        if text.is_empty() {
            gap = true;
            continue;
        }
        let word = text.len() > 2 && !c.is_alphabetic(); // a sign that is written out
        if (gap || word) && !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
        slug.push_str(text);
        gap = word;
        if slug.len() > 2 * MAX {
            break; // the rest can't matter, however long the title is
        }
    }
    shorten(&mut slug);
    if slug.is_empty() { "clip".to_owned() } else { slug }
}

fn latin(c: char) -> &'static str {
    LATIN.iter().find(|(_, letters)| letters.contains(c)).map_or("", |(plain, _)| plain)
}

fn shorten(slug: &mut String) {
    if slug.len() > MAX {
        // A word that ends exactly at the limit stays.
        let end = if slug.as_bytes().get(MAX) == Some(&b'-') { MAX } else { slug[..MAX].rfind('-').unwrap_or(MAX) };
        slug.truncate(if end >= MAX / 2 { end } else { MAX });
    }
    while slug.ends_with('-') {
        slug.pop();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn titles_become_names() {
        let table = [
            ("Why the Oceans Don’t Freeze!", "why-the-oceans-dont-freeze"),
            ("Größe & Æsthetik: 100 % Łódź", "grosse-and-aesthetik-100-percent-lodz"),
            ("  ../../etc/passwd\n", "etc-passwd"),
            ("日本語のタイトル", "clip"),
            ("", "clip"),
            ("…---…", "clip"),
            ("Top 10: AI/ML in 2026", "top-10-ai-ml-in-2026"),
            ("cafe\u{301} Tiếng Việt", "cafe-tieng-viet"),
            ("İstanbul ŠKODA", "istanbul-skoda"),
            ("CON", "con"),
        ];
        for (title, wanted) in table {
            assert_eq!(slug(title), wanted, "{title:?}");
        }
    }

    #[test]
    fn long_titles_are_cut_at_a_word() {
        assert_eq!(
            slug("one two three four five six seven eight nine ten eleven"),
            "one-two-three-four-five-six-seven-eight-nine-ten"
        );
        assert_eq!(
            slug("one two three four five six seven eight nine tenten"),
            "one-two-three-four-five-six-seven-eight-nine"
        );
        assert_eq!(slug(&"x".repeat(99)), "x".repeat(48));
        assert_eq!(slug(&"ab ".repeat(1_000_000)).len(), 47);
    }

    #[test]
    fn no_letter_is_listed_twice() {
        let mut all: Vec<char> = LATIN.iter().flat_map(|(_, letters)| letters.chars()).collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn any_title_gives_one_plain_name(title in prop_oneof![any::<String>(), "[./\\\\\n\r\t\0 a-zÀ-ỿ~-]{0,80}"]) {
            let name = slug(&title);
            prop_assert!((1..=MAX).contains(&name.len()));
            prop_assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'));
            prop_assert!(!name.starts_with('-') && !name.ends_with('-') && !name.contains("--"));
            prop_assert_eq!(slug(&name), name.clone());
            let path = std::path::Path::new(&name);
            prop_assert_eq!(path.components().count(), 1);
            prop_assert_eq!(path.file_name(), Some(path.as_os_str()));
        }
    }
}
