//! Reading packets from files that may be damaged.

use ffmpeg_next as ffmpeg;
use ffmpeg_next::ffi;
use ffmpeg_next::format::context::Input;
use ffmpeg_next::packet::Mut;
use omniva_contracts::Fault;

use super::fault;

/// Read errors in a row after which the rest of the file counts as lost.
const PATIENCE: u32 = 64;

/// Reads packets one after another, past damage as far as the demuxer can find its way again.
#[derive(Default)]
pub struct PacketReader {
    errors: u64,
}

impl PacketReader {
    /// The next packet into `packet`, or false at the end. Damage is skipped; only memory running out is a fault.
    pub fn next(&mut self, input: &mut Input, packet: &mut ffmpeg::Packet) -> Result<bool, Fault> {
        for _ in 0..PATIENCE {
            // SAFETY: both belong to us; av_read_frame overwrites the packet, so what it held is released first.
            unsafe { ffi::av_packet_unref(packet.as_mut_ptr()) };
            match packet.read(input) {
                Ok(()) => return Ok(true),
                Err(ffmpeg::Error::Eof) => return Ok(false),
                Err(error @ ffmpeg::Error::Other { errno: libc::ENOMEM }) => return Err(fault(error, "reading it")),
                Err(_) => self.errors += 1,
            }
        }
        Ok(false)
    }

    /// How many read errors were skipped.
    pub fn errors(&self) -> u64 {
        self.errors
    }
}

/// Tells the demuxer to drop the packets of all other streams, which many formats can do without reading them.
pub fn keep_only(input: &mut Input, streams: &[usize]) {
    let count = input.streams().count();
    for index in (0..count).filter(|index| !streams.contains(index)) {
        if let Some(mut stream) = input.stream_mut(index) {
            // SAFETY: sets one field of a stream that `input` owns.
            unsafe { (*stream.as_mut_ptr()).discard = ffi::AVDiscard::AVDISCARD_ALL };
        }
    }
}
