#!/usr/bin/env python3
"""English text to token ids on one thread: vecd_tokenize() against Hugging Face's tokenizers, in turns, ids compared first.

The texts are prose that every Python carries (the language reference of its `help()`), cut at blanks into pieces of about 560
bytes. A call through ctypes costs as much as tokenizing dozens of bytes, so what an empty call takes is measured in turns as
well and taken off in a line of its own. Hugging Face gets its best case: encode_batch_fast() computes no offsets.
"""

import argparse
import ctypes
import os
import re
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"

import tokenizers  # noqa: E402
from pydoc_data.topics import topics  # noqa: E402

import common  # noqa: E402
import vecd_c  # noqa: E402

TEXT_BYTES = 560
ROOM = 4096  # ids; no text has as many


def english():
    """Texts of about TEXT_BYTES. Indented paragraphs are code and tables: left out, as is what has few letters."""
    paragraphs = (" ".join(p.split()) for topic in topics.values() for p in re.split(r"\n\s*\n", topic) if p[:1].isalpha())
    words = " ".join(p for p in paragraphs if sum(c.isalpha() or c == " " for c in p) > 0.9 * len(p)).split(" ")
    texts, line = [], ""
    for word in words:
        if len(line) + len(word) >= TEXT_BYTES:
            texts.append(line)
            line = ""
        line = f"{line} {word}" if line else word
    return texts


class Ours:
    """vecd_tokenize() with its arguments made beforehand; one C call for each text is all that is timed."""

    def __init__(self, folder, texts):
        self.model = vecd_c.Model(folder, threads=1)
        self.ids, self.n, self.err = (ctypes.c_uint32 * ROOM)(), ctypes.c_size_t(), vecd_c.Err()
        self.texts = [t.encode() for t in texts]
        tail = (ctypes.c_uint(vecd_c.NO_TRUNCATE), self.ids, ctypes.c_size_t(ROOM), ctypes.byref(self.n), ctypes.byref(self.err))
        self.calls = [(self.model.handle, ctypes.c_char_p(t), ctypes.c_size_t(len(t)), *tail) for t in self.texts]

    def tokenize_all(self):
        call = self.model.lib.vecd_tokenize
        for arguments in self.calls:
            call(*arguments)

    def call_nothing(self):
        """As many calls with as many arguments to a function that returns at once and ignores them."""
        call = self.model.lib.vecd_version
        saved, call.restype = call.restype, ctypes.c_int
        for arguments in self.calls:
            call(*arguments)
        call.restype = saved

    def all_ids(self):
        for arguments in self.calls:
            if self.model.lib.vecd_tokenize(*arguments):
                raise SystemExit(f"peers: vecd_tokenize: {self.err.text.decode()}")
            yield list(self.ids[: self.n.value])


def seconds_of(run, least):
    """Seconds of one run, the median of those that fit into `least` seconds."""
    out, end = [], time.perf_counter() + least
    while not out or time.perf_counter() < end:
        begun = time.perf_counter()
        run()
        out.append(time.perf_counter() - begun)
    return common.median(out)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--rounds", type=int, default=9)
    p.add_argument("--seconds", type=float, default=0.3, help="length of a turn (%(default)s)")
    options = p.parse_args()
    common.warn_if_loaded()
    folder, texts = common.model_folder(), english()
    hf = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    hf.no_padding()
    hf.no_truncation()
    ours = Ours(folder, texts)
    for text, mine, theirs in zip(texts, ours.all_ids(), hf.encode_batch_fast(texts)):
        if mine != theirs.ids:
            raise SystemExit(f"peers: different ids for {text!r}")

    contestants = {
        "vecd_tokenize": ours.tokenize_all,
        "empty call": ours.call_nothing,
        "HF encode": lambda: [hf.encode(t) for t in texts],
        "HF encode_batch_fast": lambda: hf.encode_batch_fast(texts),
    }
    rounds = {name: [] for name in contestants}
    for _ in range(options.rounds):
        for name, run in contestants.items():
            rounds[name].append(seconds_of(run, options.seconds))
    empty = rounds.pop("empty call")
    rounds = {"vecd less the calls": [a - b for a, b in zip(rounds["vecd_tokenize"], empty)]} | rounds

    n_bytes, base = sum(map(len, ours.texts)), rounds["HF encode_batch_fast"]
    print(f"{common.cpu_facts()['name']}, tokenizers {tokenizers.__version__}, medians of {options.rounds} rounds")
    print(f"{len(texts)} English texts, {n_bytes / len(texts):.0f} bytes each, one thread, ids equal\n")
    print(f"{'':24}{'MB/s':>9}{'us/text':>9}{'times HF':>10}")
    for name, seconds in rounds.items():
        s = common.median(seconds)
        times = common.median([b / a for a, b in zip(seconds, base)])
        print(f"{name:24}{n_bytes / s / 1e6:9.1f}{s / len(texts) * 1e6:9.2f}{times:10.1f}")


if __name__ == "__main__":
    main()
