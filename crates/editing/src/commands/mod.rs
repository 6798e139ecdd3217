//! The plan as command lines of the ffmpeg program: what `EditJob.ffmpeg_commands` holds (reference, Module Interfaces
//! §3.4), for people who want to check or repeat an edit by hand. The renderer performs the plan in process; the command
//! lines do the same steps in the same order, with two known differences: loudness is brought to target by one pass of
//! `loudnorm` instead of a measured gain, and a slow zoom moves in whole pixels.
//!
//! They expect `captions.ass` and a folder `fonts` in the working folder, and write `clip.mp4` (`out.mp4` when there is
//! an intro or outro).

mod picture;
mod sound;

use omniva_contracts::plan::{EditPlan, EncoderChoice, Layout};

/// Seconds that a still intro or outro stands.
const STILL: f64 = 2.0;

/// Command lines for a POSIX shell; `source_name` may hold any character.
pub fn commands(plan: &EditPlan, source_name: &str) -> Vec<String> {
    let span = &plan.source_span;
    let mut line = format!(
        "ffmpeg -y -ss {:.6} -t {:.6} -i {}",
        span.start,
        // One frame more, so that the last one is not lost to rounding.
        span.length() + 1.0 / f64::from(plan.canvas.fps.max(1)),
        quoted(&format!("file:{source_name}"))
    );
    if let Some(logo) = &plan.brand.logo {
        line += &format!(" -i {}", quoted(&format!("file:{}", logo.file.display())));
    }
    let mut graph = sound::graph(plan);
    graph += &picture::graph(plan);
    line += &format!(" -filter_complex {} -map '[v]' -map '[a]' {}", quoted(&graph), encoder(plan));
    line += " -movflags +faststart clip.mp4";
    let mut lines = vec![line];
    lines.extend(bookends(plan));
    lines
}

fn encoder(plan: &EditPlan) -> String {
    let e = &plan.encode;
    let video = match e.encoder {
        EncoderChoice::Nvenc => format!("-c:v h264_nvenc -preset p4 -profile:v high -rc vbr -cq {}", e.crf),
        _ => format!(
            "-c:v libx264 -profile:v high -preset {} -crf {} -x264-params {}",
            quoted(&e.preset),
            e.crf,
            quoted(&e.x264_params())
        ),
    };
    format!("{video} -pix_fmt yuv420p -r {} -c:a aac -b:a {}k -ar 48000 -ac 2", plan.canvas.fps, e.audio_kbps)
}

/// A second command that puts intro and outro around the clip.
fn bookends(plan: &EditPlan) -> Option<String> {
    let (intro, outro) = (&plan.brand.intro, &plan.brand.outro);
    if intro.is_none() && outro.is_none() {
        return None;
    }
    let (w, h, fps) = (plan.canvas.width, plan.canvas.height, plan.canvas.fps);
    let (mut inputs, mut graph, mut joins, mut input) = (String::new(), String::new(), String::new(), 0);
    let parts = [intro.as_ref().map(|p| (p, true)), None, outro.as_ref().map(|p| (p, true))];
    let mut count = 0;
    for (i, part) in parts.into_iter().enumerate() {
        let (path, still) = match part {
            Some((path, _)) => {
                let name = path.display().to_string();
                let ext = path.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default();
                (name, ["png", "jpg", "jpeg", "webp"].contains(&ext.as_str()))
            }
            None if i == 1 => ("clip.mp4".to_owned(), false),
            None => continue,
        };
        let sound = if still {
            inputs += &format!(
                " -loop 1 -t {STILL} -i {} -f lavfi -t {STILL} -i anullsrc=r=48000:cl=stereo",
                quoted(&format!("file:{path}"))
            );
            input + 1
        } else {
            inputs += &format!(" -i {}", quoted(&format!("file:{path}")));
            input
        };
        graph += &format!(
            "[{input}:v]scale={w}:{h}:force_original_aspect_ratio=decrease,pad={w}:{h}:-1:-1,setsar=1,fps={fps},\
             format=yuv420p[v{i}];[{sound}:a]aresample=48000,aformat=channel_layouts=stereo[a{i}];"
        );
        joins += &format!("[v{i}][a{i}]");
        input = sound + 1;
        count += 1;
    }
    graph += &format!("{joins}concat=n={count}:v=1:a=1[v][a]");
    Some(format!(
        "ffmpeg -y{inputs} -filter_complex {} -map '[v]' -map '[a]' {} -movflags +faststart out.mp4",
        quoted(&graph),
        encoder(plan)
    ))
}

/// One word of a POSIX shell.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=+,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

fn waveform(plan: &EditPlan) -> bool {
    plan.scenes.iter().any(|s| matches!(s.layout, Layout::Waveform))
}

#[cfg(test)]
mod tests;
