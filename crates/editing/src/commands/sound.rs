//! The sound's part of the graph: kept parts with short fades, joined, then the mastering chain.

use std::fmt::Write;

use omniva_contracts::plan::EditPlan;

use super::waveform;

pub(super) fn graph(plan: &EditPlan) -> String {
    let (n, fade, from) = (plan.keep.len(), plan.audio.cut_fade, plan.source_span.start);
    let mut out = format!("[0:a]aresample=48000,asplit={n}");
    (0..n).for_each(|i| out += &format!("[k{i}]"));
    out.push(';');
    for (i, keep) in plan.keep.iter().enumerate() {
        let (start, end, length) = (keep.source.start - from, keep.source.end - from, keep.source.length());
        let _ = write!(out, "[k{i}]atrim=start={start:.6}:end={end:.6},asetpts=PTS-STARTPTS");
        if n > 1 && fade > 0.0 && length > 2.0 * fade {
            let _ = write!(out, ",afade=t=in:d={fade:.3},afade=t=out:st={:.6}:d={fade:.3}", length - fade);
        }
        let _ = write!(out, "[s{i}];");
    }
    (0..n).for_each(|i| out += &format!("[s{i}]"));
    let _ = write!(out, "concat=n={n}:v=0:a=1");
    let a = &plan.audio;
    if a.denoise {
        out.push_str(",afftdn=nr=10:nf=-45");
    }
    if a.deess {
        out.push_str(",deesser=i=0.3");
    }
    if a.compress_ratio > 1.0 {
        let _ = write!(out, ",acompressor=threshold=-20dB:ratio={}:attack=10:release=150", a.compress_ratio);
    }
    let _ = write!(
        out,
        ",loudnorm=I={}:TP={:.1}:LRA=11,aresample=48000,alimiter=limit={:.4}:level=0",
        a.target_lufs,
        (a.ceiling_dbtp - 0.5).max(-9.0),
        // A limiter sees samples, not the peaks between them; half a decibel is left for those.
        10f64.powf((a.ceiling_dbtp - 0.5) / 20.0)
    );
    out.push_str(if waveform(plan) { ",asplit[a][wave];" } else { "[a];" });
    out
}
