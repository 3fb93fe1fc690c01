#!/usr/bin/env python3
"""Trains small tokenizers of every kind on the golden texts, and says what Hugging Face tokenizers makes of them.

Writes tokenizers/<name>/tokenizer.json and ids.json: rows of {"text": index into texts.json, "ids", "offsets" (starts and ends
in turn)}, for texts that are not too long. Training is not the same in every run (sums of several threads), so what is kept is
what is committed; a run makes new files.

Usage: make_tokenizers.py [FOLDER] [--only a,b,...] [--ids-only]
"""

import argparse
import json
import pathlib

import tokenizers
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

import make_texts

HERE = pathlib.Path(__file__).resolve().parent
BYTES = [f"<0x{b:02X}>" for b in range(256)]
SPECIALS = ["<unk>", "<s>", "</s>"]
SPACE = "\u2581"


def config_of(tokenizer):
    return json.loads(tokenizer.to_str())


def texts_of_few(n_chars):
    """Golden texts, each as long as no more than n_chars different characters have come: a Unigram vocabulary takes them all."""
    seen, out = set(), []
    for text in make_texts.all_texts():
        if len(seen | set(text)) <= n_chars and "\0" not in text:
            seen |= set(text)
            out.append(text)
    return out


def trained(model, trainer, normalizer=None, pre_tokenizer=None, texts=None):
    tokenizer = Tokenizer(model)
    if normalizer:
        tokenizer.normalizer = normalizer
    if pre_tokenizer:
        tokenizer.pre_tokenizer = pre_tokenizer
    # U+0000 would become a key, which vecd refuses in any JSON.
    tokenizer.train_from_iterator(texts or [t for t in make_texts.all_texts() if "\0" not in t], trainer)
    return config_of(tokenizer)


def unigram(size, **sections):
    trainer = trainers.UnigramTrainer(vocab_size=size, special_tokens=SPECIALS, unk_token="<unk>", show_progress=False)
    return trained(models.Unigram(), trainer, texts=texts_of_few(size // 3), **sections)


def bpe(size, alphabet=(), sections=(), **options):
    trained_with = {k: v for k, v in options.items() if k in ("continuing_subword_prefix", "end_of_word_suffix")}
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=SPECIALS, initial_alphabet=list(alphabet), limit_alphabet=400, show_progress=False, **trained_with)
    return trained(models.BPE(unk_token="<unk>", **options), trainer, **dict(sections))


def with_bytes(config):
    """Gives the model tokens for all bytes, as SentencePiece has them: with score 0, and behind the special ones."""
    model = config["model"]
    if model["type"] == "Unigram":
        model["vocab"] = model["vocab"][:3] + [[b, 0.0] for b in BYTES] + model["vocab"][3:]
    else:
        pieces = sorted(model["vocab"], key=model["vocab"].get)
        model["vocab"] = {p: i for i, p in enumerate(pieces[:3] + BYTES + pieces[3:])}
    model["byte_fallback"] = True
    return config


def some_bytes(config):
    """Half of the bytes only, so that many characters cannot fall back to theirs."""
    config = with_bytes(config)
    pieces = sorted(config["model"]["vocab"], key=config["model"]["vocab"].get)
    config["model"]["vocab"] = {p: i for i, p in enumerate(p for p in pieces if p not in BYTES[0xC8::3])}
    return config


def without_merges(config, every):
    """Drops some merges, so that tokens stay that no merge reaches; those above them go too, as a file must not name what it
    cannot make."""
    model = config["model"]
    model["merges"] = [m for i, m in enumerate(model["merges"]) if i % every]
    return config


def old_merges(config):
    """Merges as lines of a merges.txt, and no type: how files looked before 2021."""
    model = config["model"]
    model["merges"] = ["#version: 0.2"] + [" ".join(m) for m in model["merges"] if " " not in m[0] + m[1]]
    del model["type"]
    return config


def wordlevel():
    trainer = trainers.WordLevelTrainer(vocab_size=400, special_tokens=SPECIALS, show_progress=False)
    return trained(models.WordLevel(unk_token="<unk>"), trainer, pre_tokenizer=pre_tokenizers.BertPreTokenizer())


def template(config, before, behind):
    """The special tokens around a text, as ["<s>"], ["</s>"]."""
    tokenizer = Tokenizer.from_str(json.dumps(config))
    ids = {t: tokenizer.token_to_id(t) for t in before + behind}
    tokenizer.post_processor = processors.TemplateProcessing(single=" ".join(before + ["$A"] + behind), special_tokens=list(ids.items()))
    return config_of(tokenizer)


def roberta(config):
    tokenizer = Tokenizer.from_str(json.dumps(config))
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 1), trim_offsets=True, add_prefix_space=False)
    return config_of(tokenizer)


SPLIT = dict(pre_tokenizer=pre_tokenizers.BertPreTokenizer())
METASPACE = dict(pre_tokenizer=pre_tokenizers.Metaspace())
BYTE_LEVEL = dict(pre_tokenizer=pre_tokenizers.ByteLevel(add_prefix_space=False))
GEMMA = dict(normalizer=normalizers.Replace(" ", SPACE), pre_tokenizer=pre_tokenizers.Split(" ", "merged_with_previous"))
T5 = dict(normalizer=normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(tokenizers.Regex(" {2,}"), " ")]), **METASPACE)
ALPHABET = pre_tokenizers.ByteLevel.alphabet()

# The last five have what surrounds the model in the checkpoints people use.
MAKERS = {
    "unigram": lambda: unigram(600, **SPLIT),
    "unigram-whole": lambda: unigram(800),
    "unigram-bytes": lambda: with_bytes(unigram(500)),
    "bpe": lambda: bpe(1000, sections=SPLIT),
    "bpe-alphabet": lambda: bpe(700, ALPHABET),
    "bpe-bytes": lambda: with_bytes(bpe(800, fuse_unk=True)),
    "bpe-some-bytes": lambda: some_bytes(bpe(700)),
    "bpe-suffix": lambda: bpe(900, sections=SPLIT, end_of_word_suffix="</w>"),
    "bpe-prefix": lambda: bpe(900, sections=SPLIT, continuing_subword_prefix="##", fuse_unk=True),
    "bpe-ignore-merges": lambda: without_merges(bpe(1000, sections=SPLIT, ignore_merges=True), 7),
    "bpe-old": lambda: old_merges(bpe(700, sections=SPLIT)),
    "wordlevel": wordlevel,
    "like-xlm-roberta": lambda: template(unigram(600, **T5), ["<s>"], ["</s>"]),
    "like-t5": lambda: template(unigram(500, **METASPACE), [], ["</s>"]),
    "like-roberta": lambda: roberta(bpe(600, ALPHABET, sections=BYTE_LEVEL)),
    "like-modernbert": lambda: template(bpe(600, ALPHABET, sections=dict(normalizer=normalizers.NFC(), **BYTE_LEVEL)), ["<s>"], ["</s>"]),
    "like-gemma": lambda: template(with_bytes(bpe(600, sections=GEMMA, fuse_unk=True)), ["<s>"], ["</s>"]),
}

MOST_IDS = 120  # of a text that ids.json has


def write_ids(folder):
    texts = make_texts.all_texts()
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    rows = []
    for i in range(sum(folder.name.encode()) % 4, len(texts), 4):
        e = tokenizer.encode(texts[i])
        if len(e.ids) <= MOST_IDS:
            rows.append({"text": i, "ids": e.ids, "offsets": [x for pair in e.offsets for x in pair]})
    make_texts.dump_lines(folder / "ids.json", rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", default=HERE / "tokenizers", type=pathlib.Path)
    parser.add_argument("--only", help="names, with commas between them")
    parser.add_argument("--ids-only", action="store_true", help="keep the tokenizers that are there")
    args = parser.parse_args()
    for name, make in MAKERS.items():
        if args.only and name not in args.only.split(","):
            continue
        folder = args.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        if not args.ids_only:
            text = json.dumps(make(), ensure_ascii=True, separators=(",", ":"))
            Tokenizer.from_str(text)  # raises where it is refused
            (folder / "tokenizer.json").write_text(text + "\n", encoding="ascii", newline="\n")
        write_ids(folder)
        print(f"{name}: {len(json.loads((folder / 'ids.json').read_text()))} texts", flush=True)


if __name__ == "__main__":
    main()
