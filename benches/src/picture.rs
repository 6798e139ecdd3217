//! Picture quality of the encoder as configured, beside what it is measured by: x264 `veryfast` at crf 20. Both encode the
//! same composed frames; both are compared with those frames, kept nearly without loss.
//!
//! PSNR and SSIM by ffmpeg's filters, VMAF (Netflix, model v0.6.1) by an FFmpeg built with libvmaf.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use omniva_contracts::jobs::RenderJob;
use omniva_contracts::plan::EncoderChoice;

use crate::render::{job, render};
use crate::table::Table;
use crate::whole::Whole;
use crate::{Outcome, Place};

/// The yardstick.
const PRESET: &str = "veryfast";
const CRF: u32 = 20;
/// VMAF and PSNR of one and the same encode differ by less than this between threads.
const NOISE: f64 = 0.02;

struct Quality {
    vmaf: f64,
    psnr: f64,
    ssim: f64,
    megabytes: f64,
    cpu: f64,
}

/// Encodes with x264 at another preset and crf into a folder of its own.
fn encode(place: &Place, base: &RenderJob, name: &str, preset: &str, crf: u32) -> Outcome<(PathBuf, f64)> {
    let folder = base.out_dir.join(name);
    std::fs::create_dir_all(&folder)?;
    let mut job = RenderJob { out_dir: folder.clone(), ..base.clone() };
    job.plan.encode.encoder = EncoderChoice::X264;
    job.plan.encode.preset = preset.to_owned();
    job.plan.encode.crf = crf;
    job.plan.encode.max_bytes = 4_000_000_000;
    let usage = render(place, &job)?;
    Ok((folder.join("clip.mp4"), usage.cpu))
}

/// The number behind `name` in what ffmpeg told.
fn figure(told: &str, name: &str) -> Outcome<f64> {
    let from = told.rfind(name).ok_or_else(|| format!("ffmpeg told no {name}"))? + name.len();
    let digits = told[from..].split(|c: char| c != '.' && !c.is_ascii_digit()).find(|s| !s.is_empty());
    Ok(digits.ok_or_else(|| format!("ffmpeg told no number for {name}"))?.parse()?)
}

fn compare(ffmpeg: &Path, file: &Path, reference: &Path, cpu: f64) -> Outcome<Quality> {
    let graph =
        "[0:v]split=3[a][b][c];[1:v]split=3[x][y][z];[a][x]libvmaf=n_threads=2:n_subsample=3;[b][y]psnr;[c][z]ssim";
    let out = Command::new(ffmpeg)
        .args(["-hide_banner", "-nostdin", "-i"])
        .arg(file)
        .arg("-i")
        .arg(reference)
        .args(["-lavfi", graph, "-an", "-f", "null", "-"])
        .stdin(Stdio::null())
        .output()?;
    let told = String::from_utf8_lossy(&out.stderr);
    if !out.status.success() {
        return Err(format!("comparing pictures failed: {}", told.lines().last().unwrap_or_default()).into());
    }
    Ok(Quality {
        vmaf: figure(&told, "VMAF score: ")?,
        psnr: figure(&told, "PSNR y:")?,
        ssim: figure(&told, "SSIM Y:")?,
        megabytes: std::fs::metadata(file)?.len() as f64 / 1e6,
        cpu,
    })
}

/// An FFmpeg with libvmaf, which Debian's lacks.
fn with_vmaf(place: &Place) -> Outcome<PathBuf> {
    let code = "import imageio_ffmpeg; print(imageio_ffmpeg.get_ffmpeg_exe())";
    let out = Command::new(place.peers.join("python/bin/python")).args(["-c", code]).output()?;
    if !out.status.success() {
        return Err("imageio-ffmpeg is not among the peers".into());
    }
    Ok(String::from_utf8(out.stdout)?.trim().into())
}

pub fn bench(place: &Place, whole: &Whole) -> Outcome<()> {
    let ffmpeg = with_vmaf(place)?;
    let base = job(place, whole, &place.scratch.path().join("picture"))?;
    let (reference, _) = encode(place, &base, "reference", "ultrafast", 1)?;
    let (preset, crf) = (base.plan.encode.preset.clone(), base.plan.encode.crf);
    let mut measured = Vec::new();
    for (name, preset, crf) in [("yardstick", PRESET, CRF), ("ours", preset.as_str(), crf)] {
        let (file, cpu) = encode(place, &base, name, preset, crf)?;
        measured.push((format!("x264 {preset} crf {crf}"), compare(&ffmpeg, &file, &reference, cpu)?));
    }
    let mut table = Table::default();
    for (name, q) in &measured {
        let figures = format!(
            "VMAF {:.2}, PSNR {:.2} dB, SSIM {:.5}; {:.1} MB, render {:.1} s CPU",
            q.vmaf, q.psnr, q.ssim, q.megabytes, q.cpu
        );
        table.row(name.clone(), figures, "", None);
    }
    let [(_, yardstick), (_, ours)] = &measured[..] else { return Err("two encodes were asked for".into()) };
    for (name, ours, theirs) in [
        ("VMAF, difference", ours.vmaf, yardstick.vmaf),
        ("PSNR, difference in dB", ours.psnr, yardstick.psnr),
        ("SSIM, difference in dB", decibels(ours.ssim), decibels(yardstick.ssim)),
    ] {
        let more = ours - theirs;
        table.row(name, format!("{more:+.2}"), "≥ 0", Some(more >= -NOISE));
    }
    table.print("Picture quality, beside x264 veryfast crf 20");
    Ok(())
}

/// SSIM on the scale that ffmpeg prints beside it.
fn decibels(ssim: f64) -> f64 {
    -10.0 * (1.0 - ssim).max(1e-9).log10()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_found_in_what_ffmpeg_tells() {
        let told =
            "[Parsed] SSIM Y:0.993680 (21.993131) U:0.99\n[Parsed] PSNR y:50.27 u:52 \n[libvmaf] VMAF score: 91.301819";
        assert_eq!(figure(told, "SSIM Y:").ok(), Some(0.993_680));
        assert_eq!(figure(told, "PSNR y:").ok(), Some(50.27));
        assert_eq!(figure(told, "VMAF score: ").ok(), Some(91.301_819));
        assert!(figure(told, "VIF").is_err() && figure("PSNR y:inf", "PSNR y:").is_err());
    }
}
