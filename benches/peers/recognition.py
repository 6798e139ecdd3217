#!/usr/bin/env python3
"""Runs faster-whisper on sound files and prints one JSON line for each file and beam, shaped like the engine's own
`recognize` example, so that asr_score.py can compare the two.

    pip install faster-whisper        (in an environment of its own)
    recognition.py --model CT2_FOLDER [--beams 1,5] [--threads 1] [--vad] FILE...

CT2_FOLDER holds model.bin, config.json, tokenizer.json and vocabulary.txt. Nothing is downloaded.
"""
import argparse
import json
import os
import subprocess
import time

os.environ.setdefault("HF_HUB_OFFLINE", "1")


def decode(path):
    import numpy

    command = ["ffmpeg", "-v", "error", "-i", path, "-ac", "1", "-ar", "16000", "-f", "f32le", "-"]
    return numpy.frombuffer(subprocess.run(command, check=True, capture_output=True).stdout, numpy.float32)


def recognise(model, samples, beam, vad):
    begun = time.perf_counter()
    segments, info = model.transcribe(samples, beam_size=beam, word_timestamps=True, vad_filter=vad)
    segments = list(segments)
    return segments, info, time.perf_counter() - begun


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--beams", default="1,5")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--vad", action="store_true")
    parser.add_argument("files", nargs="+")
    args = parser.parse_args()

    from faster_whisper import WhisperModel

    model = WhisperModel(args.model, device="cpu", compute_type="int8", cpu_threads=args.threads, local_files_only=True)
    for beam in map(int, args.beams.split(",")):
        for path in args.files:
            samples = decode(path)
            segments, info, seconds = recognise(model, samples, beam, args.vad)
            words = [{"text": w.word.strip(), "start": float(w.start), "end": float(w.end)} for s in segments for w in s.words]
            line = {
                "file": path,
                "beam": beam,
                "duration": len(samples) / 16000,
                "seconds": seconds,
                "language": {"code": info.language, "confidence": float(info.language_probability)},
                "text": " ".join(s.text.strip() for s in segments),
                "words": words,
            }
            print(json.dumps(line, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()
