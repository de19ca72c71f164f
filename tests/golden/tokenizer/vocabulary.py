#!/usr/bin/env python3
"""Writes assets/clip/vocab.json and merges.txt from OpenAI's published list of merges.

usage: vocabulary.py bpe_simple_vocab_16e6.txt.gz       (in PyPI's open_clip_torch: open_clip/)

The construction is that of `SimpleTokenizer` in OpenAI's clip/simple_tokenizer.py: the 256 bytes under printable
names, each again at a word's end, one token a merge, and the two special tokens.
"""

import gzip
import json
import sys
from pathlib import Path

OUT = Path(__file__).resolve().parents[3] / "assets" / "clip"
VOCAB_SIZE = 49408


def byte_names():
    """A printable character for each byte: itself where it prints, else one from U+0100 on."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) for byte in printable] + [chr(256 + i) for i in range(len(others))]


def main():
    lines = gzip.open(sys.argv[1], "rt", encoding="utf-8").read().split("\n")
    merges = lines[1 : 1 + VOCAB_SIZE - 2 * 256 - 2]  # the first line is a version; the list goes on past what is used
    names = byte_names()
    tokens = [*names, *(name + "</w>" for name in names), *("".join(merge.split()) for merge in merges)]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    assert len(tokens) == VOCAB_SIZE
    vocab = {token: i for i, token in enumerate(tokens)}
    (OUT / "vocab.json").write_text(json.dumps(vocab, ensure_ascii=False), encoding="utf-8")
    (OUT / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
