//! What a video says about itself, cut to what YouTube takes, and the mark by which we know it again.

use omniva_contracts::engine::UploadJobId;
use omniva_contracts::wire::PrivacyStatus;
use serde_json::{Value, json};

use crate::publisher::Post;
use crate::text::{clip_bytes, clip_chars};

const TITLE_CHARS: usize = 100;
const DESCRIPTION_BYTES: usize = 5_000;
/// Characters of all tags with what parts them; a tag with a blank costs two more.
const TAGS_CHARS: usize = 500;

/// The tag that says which upload of ours a video is: found again by [`super::lookup`].
pub(super) fn marker(id: UploadJobId) -> String {
    format!("omniva-{}", id.0.simple())
}

/// When YouTube itself publishes: only a moment that is still to come.
pub(super) fn publish_at(post: &Post, now_us: i64) -> Option<omniva_contracts::engine::Moment> {
    post.publish_at.filter(|at| at.0 > now_us && post.privacy != PrivacyStatus::Private)
}

/// In YouTube's words. A video that is to be published later must be private until then.
pub(super) fn privacy(post: &Post, now_us: i64) -> &'static str {
    match post.privacy {
        _ if publish_at(post, now_us).is_some() => "private",
        PrivacyStatus::Public => "public",
        PrivacyStatus::Unlisted => "unlisted",
        PrivacyStatus::Private => "private",
    }
}

/// The resource of `videos.insert`. The privacy is always there: left out, it would mean public.
pub(super) fn resource(post: &Post, id: UploadJobId, category: &str, now_us: i64) -> Value {
    let title = clip_chars(&plain(&post.title), TITLE_CHARS);
    let title = if title.is_empty() { "Untitled".to_owned() } else { title };
    let mut snippet = json!({
        "title": title,
        "description": clip_bytes(&plain(&post.description), DESCRIPTION_BYTES),
        "tags": tags(&post.tags, id),
        "categoryId": post.category.as_deref().unwrap_or(category),
    });
    if let Some(language) = &post.language {
        snippet["defaultLanguage"] = json!(language);
    }
    let mut status = json!({
        "privacyStatus": privacy(post, now_us),
        "selfDeclaredMadeForKids": post.made_for_kids,
        "containsSyntheticMedia": post.synthetic,
    });
    if let Some(at) = publish_at(post, now_us) {
        // Whole seconds: fractions of more than one digit are not in their examples.
        let text = at.to_string();
        status["publishAt"] = json!(format!("{}Z", text.get(..19).unwrap_or(&text)));
    }
    json!({ "snippet": snippet, "status": status })
}

/// Our mark first, then as many as fit.
fn tags(wanted: &[String], id: UploadJobId) -> Vec<String> {
    let mut tags = vec![marker(id)];
    let cost = |tag: &str| tag.chars().count() + 1 + if tag.contains(' ') { 2 } else { 0 };
    let mut used = cost(&tags.concat());
    for tag in wanted {
        let tag = plain(&tag.replace([',', '"'], " ")).split_whitespace().collect::<Vec<_>>().join(" ");
        if !tag.is_empty() && !tags.contains(&tag) && used + cost(&tag) <= TAGS_CHARS {
            used += cost(&tag);
            tags.push(tag);
        }
    }
    tags
}

/// Without the two characters that YouTube refuses, and without control characters.
fn plain(text: &str) -> String {
    let kept = text.chars().filter(|c| !c.is_control() || *c == '\n');
    kept.map(|c| match c {
        '<' => '‹',
        '>' => '›',
        other => other,
    })
    .collect::<String>()
    .trim()
    .to_owned()
}

#[cfg(test)]
mod tests {
    use omniva_contracts::engine::Moment;
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn id() -> UploadJobId {
        UploadJobId(Uuid::from_u128(7))
    }

    #[test]
    fn the_privacy_is_always_sent_and_a_date_hides_the_video_until_then() {
        let mut post = Post::new("t", "d");
        assert_eq!(resource(&post, id(), "22", 0)["status"]["privacyStatus"], "private");
        post.privacy = PrivacyStatus::Public;
        assert_eq!(resource(&post, id(), "22", 0)["status"]["privacyStatus"], "public");
        post.publish_at = Some(Moment(60_000_000));
        let status = resource(&post, id(), "22", 0)["status"].clone();
        assert_eq!(
            (&status["privacyStatus"], &status["publishAt"]),
            (&json!("private"), &json!("1970-01-01T00:01:00Z"))
        );
        let late = resource(&post, id(), "22", 60_000_000)["status"].clone();
        assert_eq!((&late["privacyStatus"], late.get("publishAt")), (&json!("public"), None), "the moment has passed");
    }

    proptest! {
        #[test]
        fn any_text_is_cut_to_what_is_taken(title in ".{0,200}", text in ".{0,3000}", words in prop::collection::vec(".{0,60}", 0..40)) {
            let mut post = Post::new(title, text);
            post.tags = words;
            let resource = resource(&post, id(), "22", 0);
            let text = |at: &str| resource.pointer(at).and_then(Value::as_str).unwrap().to_owned();
            let (title, description) = (text("/snippet/title"), text("/snippet/description"));
            prop_assert!(!title.is_empty() && title.chars().count() <= 100);
            prop_assert!(description.len() <= 5_000);
            let tags: Vec<&str> = resource["snippet"]["tags"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
            prop_assert_eq!(tags[0], "omniva-00000000000000000000000000000007");
            let cost: usize = tags.iter().map(|t| t.chars().count() + 1 + if t.contains(' ') { 2 } else { 0 }).sum();
            prop_assert!(cost <= 500);
            prop_assert!(!resource.to_string().contains(['<', '>']));
        }
    }
}
