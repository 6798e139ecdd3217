//! Writes the MP4: beside its final name first, so that nobody ever sees half a clip.

use std::path::{Path, PathBuf};

use ffmpeg_next::format::context::Output;
use ffmpeg_next::{Dictionary, Error, Packet, Rational, codec, ffi};
use omniva_contracts::Fault;

use super::faults::ok;
use crate::ff;

const WHAT: &str = "the clip";

/// A temporary file that disappears unless it is kept.
pub(crate) struct Temporary {
    path: PathBuf,
    kept: bool,
}

impl Temporary {
    /// `NAME.part` beside `target`.
    pub fn beside(target: &Path) -> Temporary {
        let mut name = target.file_name().unwrap_or_default().to_os_string();
        name.push(".part");
        Temporary { path: target.with_file_name(name), kept: false }
    }
    pub fn path(&self) -> &Path {
        &self.path
    }
    /// Makes the content durable and gives it its name.
    pub fn keep(mut self, target: &Path, what: &str) -> Result<(), Fault> {
        let failed = |e: std::io::Error| Fault::writing(what, &e);
        std::fs::File::open(&self.path).and_then(|f| f.sync_all()).map_err(failed)?;
        std::fs::rename(&self.path, target).map_err(failed)?;
        self.kept = true;
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.kept {
            // Nothing to do about a failure here: the file is unnamed rubbish at worst, and the real fault is on its way.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// An MP4 file being written: picture in stream 0, sound in stream 1.
pub(crate) struct Mp4 {
    output: Option<Output>,
    file: Temporary,
    target: PathBuf,
    rates: [Rational; 2],
    sound: std::collections::VecDeque<Packet>,
    bytes: u64,
}

/// Upper bound of what the index holds for one packet, and of everything else in it.
const INDEX_ENTRY: u64 = 32;
const INDEX: u64 = 8192;

impl Mp4 {
    /// MP4 wants codec headers in the file's header.
    pub const GLOBAL_HEADER: bool = true;

    /// `sound` are all packets of stream 1; they are interleaved as the picture advances.
    pub fn create(
        target: &Path,
        video: (&codec::Context, Rational),
        audio: (&codec::Context, Rational),
        sound: Vec<Packet>,
    ) -> Result<Mp4, Fault> {
        let file = Temporary::beside(target);
        let failed = |e| ff::write_fault(e, WHAT);
        let mut output = ff::create(file.path(), "mp4")?;
        for (context, rate) in [video, audio] {
            let mut stream = output.add_stream_with(context).map_err(failed)?;
            stream.set_time_base(rate);
        }
        let mut options = Dictionary::new();
        options.set("movflags", "+faststart");
        output.write_header_with(options).map_err(failed)?;
        let target = target.to_path_buf();
        let bytes = INDEX + sound.iter().map(weight).sum::<u64>();
        Ok(Mp4 { output: Some(output), file, target, rates: [video.1, audio.1], sound: sound.into(), bytes })
    }

    /// Writes one packet of the picture, and the sound that belongs before it.
    pub fn picture(&mut self, packet: Packet) -> Result<(), Fault> {
        let until = seconds(&packet, self.rates[0]);
        while self.sound.front().is_some_and(|p| seconds(p, self.rates[1]) <= until) {
            self.next_sound()?;
        }
        self.bytes += weight(&packet);
        self.write(packet, 0)
    }

    fn next_sound(&mut self) -> Result<(), Fault> {
        match self.sound.pop_front() {
            Some(packet) => self.write(packet, 1),
            None => Ok(()),
        }
    }

    fn write(&mut self, mut packet: Packet, stream: usize) -> Result<(), Fault> {
        let Some(output) = self.output.as_mut() else { return Err(Fault::internal("the clip was closed twice")) };
        let target = output.stream(stream).map(|s| s.time_base()).unwrap_or(self.rates[stream]);
        packet.set_stream(stream);
        packet.rescale_ts(self.rates[stream], target);
        packet.set_position(-1);
        packet.write_interleaved(output).map_err(|e| ff::write_fault(e, WHAT))?;
        io_state(output).map_err(|e| ff::write_fault(e, WHAT))
    }

    /// Size of the file with the pictures so far and all the sound; never too low.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Writes the index, moves it to the front and gives the file its name. Returns its size.
    pub fn finish(mut self) -> Result<u64, Fault> {
        while !self.sound.is_empty() {
            self.next_sound()?;
        }
        let Some(mut output) = self.output.take() else { return Err(Fault::internal("the clip was closed twice")) };
        let failed = |e| ff::write_fault(e, WHAT);
        output.write_trailer().map_err(failed)?;
        io_state(&output).map_err(failed)?;
        close(output).map_err(failed)?;
        let bytes = std::fs::metadata(self.file.path()).map_err(|e| Fault::writing(WHAT, &e))?.len();
        self.file.keep(&self.target, WHAT)?;
        Ok(bytes)
    }
}

/// Bytes that a packet takes in the file, its part of the index included.
fn weight(packet: &Packet) -> u64 {
    packet.size() as u64 + INDEX_ENTRY
}

fn seconds(packet: &Packet, rate: Rational) -> f64 {
    packet.dts().or(packet.pts()).unwrap_or(0) as f64 * f64::from(rate)
}

/// Buffered writing reports its errors late; ask for them.
fn io_state(output: &Output) -> Result<(), Error> {
    // SAFETY: the context and its byte stream are alive.
    let code = unsafe { (*(*output.as_ptr()).pb).error };
    ok(code).map(drop)
}

/// Closes the byte stream here, because dropping it would swallow the error of the last write.
fn close(mut output: Output) -> Result<(), Error> {
    // SAFETY: `avio_closep` flushes, frees and nulls the stream, after which dropping the context skips it.
    let code = unsafe { ffi::avio_closep(&mut (*output.as_mut_ptr()).pb) };
    ok(code).map(drop)
}
