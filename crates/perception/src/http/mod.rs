//! A recogniser behind HTTP: any endpoint that speaks OpenAI's `POST {url}/audio/transcriptions`.
//!
//! This is the only part of the crate that touches the network. It follows no redirect, bounds what it reads, sends the
//! key only where the configuration says, and speaks plain HTTP only with this machine.

mod languages;
mod reply;

use std::io::{ErrorKind, Read as _};
use std::path::Path;
use std::time::Duration;

use omniva_contracts::analysis::{Language, Segment};
use omniva_contracts::config::HttpRecognizer;
use omniva_contracts::{Code, Fault, Monitor, Span};
use ureq::Agent;
use ureq::http::{Response, Uri};

use crate::asr::Recognizer;
use crate::asr::whisper::keep_apart;
use crate::vad::{SAMPLE_RATE, Stretch};
use crate::wav;
use crate::windows::{Packer, Window};

/// Longest piece of sound in one request, seconds: 9.6 MB, under the 25 MB that such endpoints accept.
const PIECE: f64 = 300.0;
/// Sound kept around each stretch of speech, seconds; shared with its neighbour where the pause is shorter.
const AIR: f64 = 0.5;
/// Largest answer that is read.
const MAX_REPLY: u64 = 16 << 20;
/// Longest key.
const MAX_KEY: u64 = 8 << 10;

/// A checked configuration, ready to be asked.
pub struct Endpoint {
    agent: Agent,
    url: String,
    model: String,
    key: Option<String>,
    timeout: f64,
    /// As configured, or as the first answer said.
    language: Option<Language>,
    forced: Option<String>,
    low_confidence: f64,
}

impl Endpoint {
    /// Errors: `config_invalid` for a URL that is neither https nor plain http to this machine, or an unreadable key.
    pub fn new(config: &HttpRecognizer, language: Option<&str>, low_confidence: f64) -> Result<Endpoint, Fault> {
        let loopback = check(&config.url)?;
        let key = read_key(&config.api_key_file)?;
        let timeout = Duration::from_secs_f64(config.timeout_seconds.clamp(0.1, 86_400.0));
        let mut builder = Agent::config_builder()
            .timeout_global(Some(timeout))
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .https_only(!loopback)
            .user_agent(concat!("omniva/", env!("CARGO_PKG_VERSION")));
        if loopback {
            // A proxy from the environment would take the sound, and the key, off this machine.
            builder = builder.proxy(None);
        }
        Ok(Endpoint {
            agent: builder.build().new_agent(),
            url: format!("{}/audio/transcriptions", config.url.trim_end_matches('/')),
            model: config.model.clone(),
            key,
            timeout: config.timeout_seconds,
            language: language.map(|code| Language { code: code.into(), confidence: 1.0 }),
            forced: language.map(str::to_owned),
            low_confidence,
        })
    }

    /// The language, once a window was recognised.
    pub fn language(&self) -> Option<&Language> {
        self.language.as_ref()
    }

    fn ask(&self, window: &Window) -> Result<Vec<u8>, Fault> {
        let sound = wav::file(&window.samples);
        let mut fields = vec![
            ("model", self.model.as_str()),
            ("response_format", "verbose_json"),
            ("temperature", "0"),
            ("timestamp_granularities[]", "word"),
            ("timestamp_granularities[]", "segment"),
        ];
        fields.extend(self.forced.as_deref().map(|code| ("language", code)));
        let (kind, body) = multipart(&fields, &sound);
        let mut request = self.agent.post(&self.url).header("Content-Type", kind).header("Accept", "application/json");
        if let Some(key) = &self.key {
            request = request.header("Authorization", format!("Bearer {key}"));
        }
        let response = request.send(&body[..]).map_err(|e| self.fault(&e))?;
        self.body(response)
    }

    fn body(&self, mut response: Response<ureq::Body>) -> Result<Vec<u8>, Fault> {
        let status = response.status();
        let mut body = Vec::new();
        let mut reader = response.body_mut().as_reader().take(MAX_REPLY + 1);
        reader.read_to_end(&mut body).map_err(|e| match e.kind() {
            ErrorKind::TimedOut | ErrorKind::WouldBlock => self.timed_out(),
            _ => refused("the recogniser's answer broke off", "check the endpoint's log").with_detail(e),
        })?;
        if body.len() as u64 > MAX_REPLY {
            return Err(refused("the recogniser's answer is larger than 16 MiB", "check recognizer.http.url"));
        }
        if status.is_success() {
            return Ok(body);
        }
        let next = match status.as_u16() {
            401 | 403 => "check the key in recognizer.http.api_key_file",
            404 | 405 => "check recognizer.http.url and recognizer.http.model",
            300..=399 => "set recognizer.http.url to where the endpoint now is: redirects are not followed",
            429 => "wait, or ask for a higher limit at the endpoint",
            _ => "check the endpoint's log",
        };
        let excerpt: String = String::from_utf8_lossy(&body).chars().filter(|c| !c.is_control()).take(300).collect();
        Err(refused(&format!("the recogniser answered with HTTP status {}", status.as_u16()), next)
            .with_detail(excerpt))
    }

    fn fault(&self, error: &ureq::Error) -> Fault {
        match error {
            ureq::Error::Timeout(_) => self.timed_out(),
            ureq::Error::Io(e) if matches!(e.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock) => self.timed_out(),
            other => refused("the recogniser can't be reached", "check recognizer.http.url and that the endpoint runs")
                .with_detail(other),
        }
    }

    fn timed_out(&self) -> Fault {
        Fault::new(
            Code::RecognizerTimeout,
            format!("the recogniser did not answer within {} s", self.timeout),
            "raise recognizer.http.timeout_seconds, or run the command again",
        )
    }
}

impl Recognizer for Endpoint {
    fn recognize(&mut self, window: &Window) -> Result<Vec<Segment>, Fault> {
        let reply = reply::Reply::parse(&self.ask(window)?)?;
        if self.language.is_none() {
            self.language = reply.language();
        }
        Ok(reply.segments(window, self.low_confidence))
    }
}

/// Recognises the `speech` in a file that [`crate::listen`] wrote. `language` is an ISO 639-1 code, `None` to detect.
///
/// Errors: `config_invalid`, `input_unreadable`, `recognizer_timeout`, `recognizer_http`, `cancelled`.
pub fn recognize_wav(
    path: &Path,
    speech: &[Span],
    config: &HttpRecognizer,
    language: Option<&str>,
    low_confidence: f64,
    monitor: &dyn Monitor,
) -> Result<(Option<Language>, Vec<Segment>), Fault> {
    let mut endpoint = Endpoint::new(config, language, low_confidence)?;
    let mut sound = wav::Reader::open(path)?;
    let mut packer = Packer::new(PIECE);
    let mut segments = Vec::new();
    let total = speech.last().map_or(1.0, |s| s.end.max(0.1));
    for (i, span) in speech.iter().enumerate() {
        packer.push(stretch(&mut sound, speech, i)?);
        while let Some(window) = packer.full() {
            segments.extend(ask(&mut endpoint, &window, monitor)?);
            monitor.progress((span.start / total).clamp(0.0, 0.99));
        }
    }
    while let Some(window) = packer.finish() {
        segments.extend(ask(&mut endpoint, &window, monitor)?);
    }
    keep_apart(&mut segments);
    monitor.progress(1.0);
    Ok((endpoint.language, segments))
}

fn ask(endpoint: &mut Endpoint, window: &Window, monitor: &dyn Monitor) -> Result<Vec<Segment>, Fault> {
    if monitor.cancelled() { Err(Fault::cancelled()) } else { endpoint.recognize(window) }
}

/// The `i`th span of speech with the air around it.
fn stretch(sound: &mut wav::Reader, speech: &[Span], i: usize) -> Result<Stretch, Fault> {
    let span = speech[i];
    let before = i.checked_sub(1).map_or(0.0, |p| (speech[p].end + span.start) / 2.0);
    let after = speech.get(i + 1).map_or(f64::MAX, |next| (span.end + next.start) / 2.0);
    let sample = |t: f64| (t.max(0.0) * SAMPLE_RATE as f64).round() as usize;
    let first_sample = sample((span.start - AIR).max(before));
    let samples = sound.read(first_sample, sample((span.end + AIR).min(after)))?;
    Ok(Stretch { span, first_sample, samples })
}

/// True when `url` leads to this machine. Plain HTTP to anywhere else would show sound and key to the whole way.
fn check(url: &str) -> Result<bool, Fault> {
    let invalid = |why: &str| {
        Fault::new(
            Code::ConfigInvalid,
            format!("recognizer.http.url = {url:?}: {why}"),
            "use https://…, or http://127.0.0.1:PORT/… for a recogniser on this machine",
        )
    };
    let uri: Uri = url.parse().map_err(|_| invalid("not a URL"))?;
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let loopback = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    if uri.authority().is_some_and(|a| a.as_str().contains('@')) {
        return Err(invalid("a name or password does not belong into the URL; use api_key_file"));
    }
    match uri.scheme_str() {
        Some("https") if !host.is_empty() => Ok(false),
        Some("http") if loopback => Ok(true),
        Some("http") => Err(invalid("plain HTTP is only allowed to this machine")),
        _ => Err(invalid("must start with https:// or http://")),
    }
}

fn read_key(file: &str) -> Result<Option<String>, Fault> {
    if file.is_empty() {
        return Ok(None);
    }
    let invalid = |why: String| {
        Fault::new(
            Code::ConfigInvalid,
            format!("recognizer.http.api_key_file = {file:?}: {why}"),
            "name a readable file that holds nothing but the key",
        )
    };
    let mut text = String::new();
    std::fs::File::open(file)
        .and_then(|f| f.take(MAX_KEY).read_to_string(&mut text))
        .map_err(|e| invalid(e.to_string()))?;
    let key = text.trim();
    if key.is_empty() || !key.chars().all(|c| c.is_ascii_graphic()) {
        return Err(invalid("it holds no key".into()));
    }
    Ok(Some(key.to_owned()))
}

fn refused(message: &str, next_step: &str) -> Fault {
    Fault::new(Code::RecognizerHttp, message, next_step)
}

/// Content type and body of a form with a sound file (RFC 7578).
fn multipart(fields: &[(&str, &str)], sound: &[u8]) -> (String, Vec<u8>) {
    // Nothing that is sent holds this line: fields come from the configuration, and sound is checked.
    let mut boundary = String::from("omniva-8c5f1d0e7a");
    while sound.windows(boundary.len()).any(|w| w == boundary.as_bytes())
        || fields.iter().any(|(_, value)| value.contains(&boundary))
    {
        boundary.push('x');
    }
    let mut body = Vec::with_capacity(sound.len() + 1024);
    for (name, value) in fields {
        body.extend(
            format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").bytes(),
        );
    }
    body.extend(
        format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"speech.wav\"\r\n\
             Content-Type: audio/wav\r\n\r\n"
        )
        .bytes(),
    );
    body.extend_from_slice(sound);
    body.extend(format!("\r\n--{boundary}--\r\n").bytes());
    (format!("multipart/form-data; boundary={boundary}"), body)
}

#[cfg(test)]
mod tests;
