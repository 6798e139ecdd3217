#!/usr/bin/env python3
"""Compares recognisers: word error rate, speed, and how far word starts are from an alignment.

    asr_score.py [--texts texts.json] RESULTS.jsonl...

Each line of RESULTS is what recognition.py or the `recognize` example prints. The true text of NAME.wav is NAME.txt beside
it or texts.json's entry NAME; its alignment, if any, is NAME.words.json (pocketsphinx form).
"""
import argparse
import json
import os
import re
import statistics
import unicodedata

SMALL = "zero one two three four five six seven eight nine ten eleven twelve".split()
SAME = {"mister": "mr", "missus": "mrs", "ok": "okay", "oh": "o", "till": "til"}
SAME |= {word: str(i) for i, word in enumerate(SMALL)}


def normalise(text):
    """Words without case, punctuation and accents; numbers as single digits, however they were written."""
    text = unicodedata.normalize("NFKD", text.lower()).replace("’", "'")
    text = re.sub(r"['\u0300-\u036f]", "", text)
    words = (SAME.get(w, w) for w in re.findall(r"[a-z]+|\d", text.replace("voiceover", "voice over")))
    return [digit for w in words for digit in (list(w) if w.isdigit() else [w])]


def pairs(truth, heard):
    """Levenshtein alignment: (truth index or None, heard index or None) from the start on."""
    rows, columns = len(truth) + 1, len(heard) + 1
    cost = [[0] * columns for _ in range(rows)]
    for i in range(rows):
        for j in range(columns):
            if i == 0 or j == 0:
                cost[i][j] = i + j
            else:
                swap = cost[i - 1][j - 1] + (truth[i - 1] != heard[j - 1])
                cost[i][j] = min(swap, cost[i - 1][j] + 1, cost[i][j - 1] + 1)
    i, j, path = rows - 1, columns - 1, []
    while i or j:
        if i and j and cost[i][j] == cost[i - 1][j - 1] + (truth[i - 1] != heard[j - 1]):
            i, j = i - 1, j - 1
            path.append((i, j))
        elif i and cost[i][j] == cost[i - 1][j] + 1:
            i -= 1
            path.append((i, None))
        else:
            j -= 1
            path.append((None, j))
    return path[::-1], cost[-1][-1]


def start_errors(stem, words):
    """Seconds between the words' starts and those of the alignment, later = positive."""
    if not os.path.exists(stem + ".words.json"):
        return []
    truth = []
    for line in open(stem + ".words.json"):
        truth += [(normalise(re.sub(r"\(\d\)", "", w["t"])), w["b"]) for w in json.loads(line)["w"] if w["t"][0] not in "<["]
    heard = [(normalise(w["text"]), w["start"]) for w in words]
    path, _ = pairs([" ".join(t) for t, _ in truth], [" ".join(h) for h, _ in heard])
    return [heard[j][1] - truth[i][1] for i, j in path if i is not None and j is not None and truth[i][0] == heard[j][0]]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts")
    parser.add_argument("--verbose", action="store_true", help="print what was heard wrongly")
    parser.add_argument("results", nargs="+")
    args = parser.parse_args()
    texts = json.load(open(args.texts)) if args.texts else {}
    for path in args.results:
        groups = {}
        for line in open(path):
            result = json.loads(line)
            groups.setdefault(result.get("beam"), []).append(result)
        for beam, results in groups.items():
            report(f"{path}" + (f" beam {beam}" if beam else ""), results, texts, args.verbose)


def truth_and_heard(stem, result, texts):
    """The words that are known to be said and those that were heard there; None when nothing is known.

    NAME.json lists segments (start, end, said, text): then only what was heard in those that are `said` counts.
    """
    name = os.path.basename(stem)
    if name in texts:
        return normalise(texts[name]), normalise(result["text"])
    if os.path.exists(stem + ".txt"):
        return normalise(open(stem + ".txt").read()), normalise(result["text"])
    if os.path.exists(stem + ".json"):
        known = [s for s in json.load(open(stem + ".json")) if s.get("said")]
        inside = lambda word: any(s["start"] - 0.5 <= word["start"] <= s["end"] + 0.5 for s in known)
        heard = " ".join(word["text"] for word in result["words"] if inside(word))
        return normalise(" ".join(s["text"] for s in known)), normalise(heard)
    return None


def report(title, results, texts, verbose):
    wrong = total = seconds = duration = 0
    starts = []
    print(title)
    for result in results:
        stem = os.path.splitext(result["file"])[0]
        name = os.path.basename(stem)
        seconds, duration = seconds + result["seconds"], duration + result["duration"]
        starts += start_errors(stem, result["words"])
        known = truth_and_heard(stem, result, texts)
        if known is None:
            continue
        truth, heard = known
        path, errors = pairs(truth, heard)
        wrong, total = wrong + errors, total + len(truth)
        print(f"  {name:24} {errors:3} of {len(truth):4} words wrong, {result['seconds'] / result['duration']:.3f} x real time")
        if verbose:
            at = lambda words, i: "-" if i is None else words[i]
            bad = [(at(truth, i), at(heard, j)) for i, j in path if at(truth, i) != at(heard, j)]
            print("     " + ", ".join(f"{a}>{b}" for a, b in bad))
    if total:
        print(f"  word error rate {100 * wrong / total:.1f} %, {seconds / duration:.3f} x real time")
    if starts:
        sizes = sorted(abs(s) for s in starts)
        print(
            f"  {len(starts)} word starts: median error {1000 * statistics.median(sizes):.0f} ms,"
            f" 90 % under {1000 * sizes[int(0.9 * len(sizes))]:.0f} ms, bias {1000 * statistics.median(starts):+.0f} ms"
        )


if __name__ == "__main__":
    main()
