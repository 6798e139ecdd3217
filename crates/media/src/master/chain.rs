//! Cleaning up speech: noise, sibilance, dynamics. FFmpeg's own filters do the work.

use ffmpeg_next::format::{Sample, sample};
use ffmpeg_next::{ChannelLayout, filter, frame};
use omniva_contracts::{Fault, Monitor};

use super::RATE;
use crate::render::faults::{drained, encoding};

/// Samples handed to the filters at a time.
const PIECE: usize = 4096;

/// Runs interleaved stereo through a chain of audio filters, written in FFmpeg's syntax. What comes out has the length of
/// what went in.
pub(crate) fn run(pcm: &mut [f32], chain: &str, monitor: &dyn Monitor) -> Result<(), Fault> {
    let failed = |e| encoding("processing the sound", e);
    let mut graph = build(chain).map_err(failed)?;
    let mut written = 0;
    let total = pcm.len();
    let mut at = 0;
    while at < total {
        if monitor.cancelled() {
            return Err(Fault::cancelled());
        }
        let end = (at + 2 * PIECE).min(total);
        let piece = packed(&pcm[at..end], at / 2);
        graph.get("in").ok_or_else(missing)?.source().add(&piece).map_err(failed)?;
        at = end;
        // Filters give what they were given before, never more, so this can overwrite in place.
        written = take(&mut graph, &mut pcm[..at], written)?;
    }
    graph.get("in").ok_or_else(missing)?.source().flush().map_err(failed)?;
    written = take(&mut graph, pcm, written)?;
    pcm[written..].fill(0.0);
    Ok(())
}

fn missing() -> Fault {
    Fault::internal("a filter graph lost its ends")
}

fn build(chain: &str) -> Result<filter::Graph, ffmpeg_next::Error> {
    let lacking = ffmpeg_next::Error::FilterNotFound;
    let mut graph = filter::Graph::new();
    let args = format!("time_base=1/{RATE}:sample_rate={RATE}:sample_fmt=flt:channel_layout=stereo");
    graph.add(&filter::find("abuffer").ok_or(lacking)?, "in", &args)?;
    graph.add(&filter::find("abuffersink").ok_or(lacking)?, "out", "")?;
    let chain = format!("{chain},aformat=sample_fmts=flt:sample_rates={RATE}:channel_layouts=stereo");
    graph.output("in", 0)?.input("out", 0)?.parse(&chain)?;
    graph.validate()?;
    Ok(graph)
}

fn packed(pcm: &[f32], first: usize) -> frame::Audio {
    let mut f = frame::Audio::new(Sample::F32(sample::Type::Packed), pcm.len() / 2, ChannelLayout::STEREO);
    f.set_rate(RATE);
    f.set_pts(Some(first as i64));
    for (to, from) in f.data_mut(0).chunks_exact_mut(4).zip(pcm) {
        to.copy_from_slice(&from.to_ne_bytes());
    }
    f
}

/// Writes everything the graph has ready behind `written`; returns the new end.
fn take(graph: &mut filter::Graph, pcm: &mut [f32], mut written: usize) -> Result<usize, Fault> {
    let mut out = frame::Audio::empty();
    loop {
        match graph.get("out").ok_or_else(missing)?.sink().frame(&mut out) {
            Ok(()) => {
                let bytes = out.data(0);
                let count = (out.samples() * 2).min(pcm.len() - written);
                for (to, from) in pcm[written..written + count].iter_mut().zip(bytes.chunks_exact(4)) {
                    *to = f32::from_ne_bytes([from[0], from[1], from[2], from[3]]);
                }
                written += count;
            }
            Err(e) if drained(&e) => return Ok(written),
            Err(e) => return Err(encoding("processing the sound", e)),
        }
    }
}
