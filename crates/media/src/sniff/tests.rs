use proptest::prelude::*;

use super::*;

fn of(bytes: &[u8]) -> Result<Container, Code> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("-odd name\n'\"é.mp4");
    std::fs::write(&path, bytes).expect("written");
    sniff(&path).map_err(|fault| {
        assert!(!fault.message.is_empty() && !fault.next_step.is_empty());
        fault.code
    })
}

fn repeat(frame: &[u8], times: usize) -> Vec<u8> {
    frame.iter().copied().cycle().take(frame.len() * times).collect()
}

fn mp3_frame() -> Vec<u8> {
    let mut frame = vec![0u8; 417]; // 128 kbit/s, 44.1 kHz, layer III
    frame[..4].copy_from_slice(&[0xFF, 0xFB, 0x90, 0x00]);
    frame
}

fn adts_frame() -> Vec<u8> {
    let mut frame = vec![0u8; 200];
    frame[..7].copy_from_slice(&[0xFF, 0xF1, 0x50, 0x80, 25, 0x00, 0xFC]);
    frame
}

fn ts(size: usize, lead: usize, packets: usize) -> Vec<u8> {
    let mut packet = vec![0xAAu8; size];
    packet[lead] = 0x47;
    repeat(&packet, packets)
}

fn id3(length: usize) -> Vec<u8> {
    let mut tag = b"ID3\x04\0\0".to_vec();
    tag.extend([(length >> 21) as u8 & 127, (length >> 14) as u8 & 127, (length >> 7) as u8 & 127, length as u8 & 127]);
    tag.resize(10 + length, 0);
    tag
}

#[test]
fn containers_are_told_by_their_bytes() {
    let ebml = |name: &[u8]| {
        let mut bytes = vec![0x1A, 0x45, 0xDF, 0xA3, 0x9F, 0x42, 0x86, 0x81, 1, 0x42, 0x82, 0x80 | name.len() as u8];
        bytes.extend(name);
        bytes
    };
    let tagged = [id3(200_000), repeat(&mp3_frame(), 5)].concat();
    let tagged_flac = [id3(50), b"fLaC".to_vec()].concat();
    let padded = [vec![0; 300], repeat(&mp3_frame(), 5)].concat();
    let cut = [vec![0x11; 90], ts(188, 0, 20)].concat();
    let cases: Vec<(Vec<u8>, Container)> = vec![
        (b"\0\0\0\x20ftypisom\0\0\0\0".to_vec(), Container::Mov),
        (b"\0\0\0\x14ftypqt  \0\0\0\0".to_vec(), Container::Mov),
        (b"\0\0\0\x08wide\0\0\0\x01mdat".to_vec(), Container::Mov),
        (b"\0\x01\0\0moov\0\0\0\0".to_vec(), Container::Mov),
        (ebml(b"matroska"), Container::Matroska),
        (ebml(b"webm"), Container::Matroska),
        (ts(188, 0, 20), Container::Mpegts),
        (ts(192, 4, 20), Container::Mpegts),
        (ts(204, 0, 20), Container::Mpegts),
        (ts(188, 0, 3), Container::Mpegts),
        (cut, Container::Mpegts),
        (b"\0\0\x01\xBA\x44\0\x04\0".to_vec(), Container::Mpegps),
        (b"RIFF\0\0\0\0AVI LIST".to_vec(), Container::Avi),
        (b"RIFF\0\0\0\0WAVEfmt ".to_vec(), Container::Wav),
        (b"RF64\xff\xff\xff\xffWAVEds64".to_vec(), Container::Wav),
        (b"FLV\x01\x05\0\0\0\x09".to_vec(), Container::Flv),
        (b"FORM\0\0\0\0AIFFCOMM".to_vec(), Container::Aiff),
        (b"caff\0\x01\0\0desc".to_vec(), Container::Caf),
        (b"OggS\0\x02".to_vec(), Container::Ogg),
        (repeat(&mp3_frame(), 6), Container::Mp3),
        (repeat(&adts_frame(), 6), Container::Aac),
        (tagged, Container::Mp3),
        (tagged_flac, Container::Flac),
        (padded, Container::Mp3),
        ([id3(30), repeat(&adts_frame(), 6)].concat(), Container::Aac),
    ];
    for (bytes, container) in cases {
        assert_eq!(of(&bytes), Ok(container), "{:?}…", &bytes[..bytes.len().min(16)]);
    }
}

#[test]
fn playlists_are_refused_whatever_they_are_called() {
    let utf16 =
        [vec![0xFF, 0xFE], "#EXTM3U\n#EXT-X-VERSION:3\n".encode_utf16().flat_map(u16::to_le_bytes).collect()].concat();
    let cases: Vec<Vec<u8>> = vec![
        b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n".to_vec(),
        b"\xEF\xBB\xBF#EXTM3U\n".to_vec(),
        b"  \r\n\t#extm3u\n".to_vec(),
        utf16,
        [id3(40), b"#EXTM3U\nhttp://127.0.0.1/x\n".to_vec()].concat(),
        [b"#EXTM3U\n".to_vec(), [0x00, 0x81, 0xFF, 0x02].repeat(500)].concat(),
        b"<?xml version=\"1.0\"?>\n<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\">".to_vec(),
        b"<!-- hello --><dash:MPD>".to_vec(),
        b"<?xml version=\"1.0\"?><SmoothStreamingMedia MajorVersion=\"2\">".to_vec(),
        b"<ASX version=\"3.0\"><Entry>".to_vec(),
        b"<?xml version=\"1.0\"?><CompositionPlaylist xmlns=\"http://www.smpte-ra.org/schemas/2067-3/2016\">".to_vec(),
        b"<playlist version=\"1\" xmlns=\"http://xspf.org/ns/0/\">".to_vec(),
        b"ffconcat version 1.0\nfile /etc/passwd\n".to_vec(),
        b"file '/etc/passwd'\nfile 'b.mp4'\n".to_vec(),
        b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nm=video 5000 RTP/AVP 96\r\n".to_vec(),
        b"[playlist]\nFile1=http://x/\n".to_vec(),
        b"[Reference]\nRef1=http://x/\n".to_vec(),
        b"# mine\nhttp://127.0.0.1:9/a.mp4\n".to_vec(),
        b"subfile,,start,0,end,9,,:/etc/passwd\n".to_vec(),
        b"../talk one.mp4\n../talk two.mkv\n".to_vec(),
    ];
    for bytes in cases {
        assert_eq!(of(&bytes), Err(Code::InputPlaylist), "{}", String::from_utf8_lossy(&bytes[..bytes.len().min(60)]));
    }
}

#[test]
fn everything_else_is_no_media() {
    let mut tar = vec![b'a'; 600];
    tar[257..262].copy_from_slice(b"ustar");
    let noise: Vec<u8> = (0u32..70_000).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let cases: Vec<Vec<u8>> = vec![
        b"hello, this is a letter\n".to_vec(),
        "r\u{e9}sum\u{e9} de l'\u{e9}t\u{e9}, assez long".chars().map(|c| c as u8).collect(),
        b"PK\x03\x04\x14\0".to_vec(),
        tar,
        b"\x89PNG\r\n\x1a\n".to_vec(),
        b"\0\0\0\x18ftypheic\0\0\0\0".to_vec(),
        b"<!DOCTYPE html><html>".to_vec(),
        b"{\"a\": 1}".to_vec(),
        b"\x1A\x45\xDF\xA3\x84\x42\x82\x84abcd".to_vec(),
        vec![0; 5000],
        b".RMF\0\0\0\x12".to_vec(),
        id3(20),
        [id3(20), noise.clone()].concat(),
        noise,
        b"G".to_vec(),
    ];
    for bytes in cases {
        assert_eq!(of(&bytes), Err(Code::InputNotMedia), "{:?}…", &bytes[..bytes.len().min(16)]);
    }
    assert_eq!(of(b""), Err(Code::InputEmpty));
}

#[test]
fn what_is_no_readable_file_is_told_apart() {
    let folder = tempfile::tempdir().expect("a folder");
    let code = |path: &Path| sniff(path).expect_err("refused").code;
    assert_eq!(code(&folder.path().join("none.mp4")), Code::InputMissing);
    assert_eq!(code(folder.path()), Code::InputUnreadable);
    assert_eq!(code(Path::new("/dev/zero")), Code::InputUnreadable);
    let fifo = folder.path().join("pipe.mp4");
    let name = std::ffi::CString::new(fifo.to_str().expect("utf-8")).expect("no NUL");
    // SAFETY: a plain system call on a path of ours.
    assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
    assert_eq!(code(&fifo), Code::InputUnreadable);
    let dangling = folder.path().join("link.mp4");
    std::os::unix::fs::symlink(folder.path().join("nowhere"), &dangling).expect("a link");
    assert_eq!(code(&dangling), Code::InputMissing);
}

proptest! {
    #[test]
    fn no_bytes_make_the_recogniser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let _ = recognise(&bytes);
        let _ = behind_id3(&bytes);
    }

    #[test]
    fn signatures_with_rubbish_behind_them_do_not_panic(
        start in proptest::sample::select(vec![&b"\0\0\0\x20ftyp"[..], b"RIFF", b"\x1A\x45\xDF\xA3\x42\x82", b"ID3\x04", b"\xFF\xFB\x90", b"<?xml", b"v=0"]),
        rest in proptest::collection::vec(any::<u8>(), 0..400),
    ) {
        let _ = recognise(&[start, &rest].concat());
    }
}
