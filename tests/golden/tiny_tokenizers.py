"""The tokenizers of the tiny models of other families than BERT: tokenizer.json and tokenizer_config.json as dicts.

Each follows what the family's models on the Hub have, part by part (normaliser, pre-tokeniser, model, post-processor,
special tokens and their flags), with a vocabulary of a few hundred pieces trained on the golden texts. transformers
rebuilds most of them from the vocabulary and its own class; the frame fails where that gives other ids than the
tokenizer.json itself, so the two agree here.

The precompiled character map (SentencePiece's `precompiled_charsmap`) is built here, for the golden texts' characters
alone: the genuine one is larger than all tiny models together. Its form: 32-bit size of the trie in bytes, the trie as
a double array of 32-bit units (Darts-clone), then the replacements, each ended by a NUL.
"""

import base64
import collections
import functools
import json
import math
import struct
import unicodedata

import tokenizers
from tokenizers import models, normalizers, pre_tokenizers, trainers

from make_texts import groups
from make_tiny import SPECIALS, UNCASED, Variant, added_token, make_vocabulary, tokenizer_files

TRAINED_ON = ("short", "sentence", "language", "code", "emoji", "punctuation", "combining")
QWEN_SPLIT = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


def sample():
    return [text for name in TRAINED_ON for text in groups()[name]]


def with_frequent(texts, n):
    """The texts with their `n` most frequent characters, and spaces for the others."""
    count = collections.Counter("".join(texts))
    known = set(sorted(count, key=lambda ch: (-count[ch], ch))[:n])
    return ["".join(ch if ch in known else " " for ch in text) for text in texts]


def special(vocab, content, **flags):
    return {"id": vocab[content], **added_token(content, special=True, **flags)}


def template(vocab, before, after):
    """TemplateProcessing of one text between `before` and `after` (lists of special tokens); pairs are never used."""

    def one(token, type_id=0):
        return {"SpecialToken": {"id": token, "type_id": type_id}}

    single = [one(t) for t in before] + [{"Sequence": {"id": "A", "type_id": 0}}] + [one(t) for t in after]
    return {
        "type": "TemplateProcessing",
        "single": single,
        "pair": single + [{"Sequence": {"id": "B", "type_id": 1}}] + [one(t, 1) for t in after],
        "special_tokens": {t: {"id": t, "ids": [vocab[t]], "tokens": [t]} for t in before + after},
    }


def roberta_processing(cls, sep):
    return {"type": "RobertaProcessing", "sep": list(sep), "cls": list(cls), "trim_offsets": True, "add_prefix_space": False}


def byte_level(**more):
    return {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True, **more}


def whole(added, normalizer, pre_tokenizer, post_processor, decoder, model):
    return {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": sorted(added, key=lambda a: a["id"]), "normalizer": normalizer,
        "pre_tokenizer": pre_tokenizer, "post_processor": post_processor, "decoder": decoder, "model": model,
    }  # fmt: skip


def bpe(vocab, merges, **more):
    return {
        "type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": "", "end_of_word_suffix": "", "fuse_unk": False,
        "byte_fallback": False, "ignore_merges": False, "vocab": vocab, "merges": merges, **more,
    }  # fmt: skip


@functools.cache
def byte_pairs(split_regex, nfc, n_merges):
    """(pieces, merges) of a byte-level BPE: the 256 byte characters in order, then `n_merges` merged pieces."""
    tok = tokenizers.Tokenizer(models.BPE())
    split = [pre_tokenizers.Split(tokenizers.Regex(split_regex), "isolated")] if split_regex else []
    tok.pre_tokenizer = pre_tokenizers.Sequence(split + [pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=not split)])
    if nfc:
        tok.normalizer = normalizers.NFC()
    trainer = trainers.BpeTrainer(vocab_size=256 + n_merges, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    tok.train_from_iterator(sample(), trainer)
    model = json.loads(tok.to_str())["model"]
    pieces = sorted(model["vocab"], key=model["vocab"].get)
    assert len(pieces) == 256 + n_merges, len(pieces)
    return pieces, model["merges"]


def bert(**more):
    """BERT's own, uncased."""
    return tokenizer_files(Variant("", **more))


def mpnet():
    """BERT's WordPiece, its vocabulary shifted by four and enclosed in RoBERTa's special tokens."""
    names = ["<s>", "<pad>", "</s>", "<unk>"] + SPECIALS + make_vocabulary(True) + ["<mask>"]
    vocab = {p: i for i, p in enumerate(names)}
    added = [special(vocab, s) for s in ("<s>", "<pad>", "</s>", "[UNK]")] + [special(vocab, "<mask>", lstrip=True)]
    model = {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100, "vocab": vocab}
    post = roberta_processing(("<s>", 0), ("</s>", 2))
    tok = whole(added, {"type": "BertNormalizer", **UNCASED}, {"type": "BertPreTokenizer"}, post, {"type": "WordPiece", "prefix": "##", "cleanup": True}, model)
    config = {
        "bos_token": "<s>", "cls_token": "<s>", "do_lower_case": True, "eos_token": "</s>", "mask_token": "<mask>", "model_max_length": 512, "pad_token": "<pad>",
        "sep_token": "</s>", "strip_accents": None, "tokenize_chinese_chars": True, "tokenizer_class": "MPNetTokenizer", "unk_token": "[UNK]",
    }  # fmt: skip
    return tok, config, len(vocab)


def roberta():
    """Byte-level BPE between <s> and </s>; <mask> takes the space before it."""
    pieces, merges = byte_pairs(None, False, 130)
    names = ["<s>", "<pad>", "</s>", "<unk>"] + pieces + ["<mask>"]
    vocab = {p: i for i, p in enumerate(names)}
    added = [special(vocab, s, normalized=True) for s in ("<s>", "<pad>", "</s>", "<unk>")] + [special(vocab, "<mask>", lstrip=True)]
    tok = whole(added, None, byte_level(), roberta_processing(("<s>", 0), ("</s>", 2)), byte_level(add_prefix_space=True), bpe(vocab, merges))
    config = {
        "add_prefix_space": False, "bos_token": "<s>", "cls_token": "<s>", "eos_token": "</s>", "errors": "replace", "mask_token": "<mask>", "model_max_length": 512,
        "pad_token": "<pad>", "sep_token": "</s>", "tokenizer_class": "RobertaTokenizer", "trim_offsets": True, "unk_token": "<unk>",
    }  # fmt: skip
    return tok, config, len(vocab)


def qwen3():
    """Byte-level BPE over NFC; the post-processor ends a text with <|endoftext|>, which is the padding token as well."""
    pieces, merges = byte_pairs(QWEN_SPLIT, True, 110)
    vocab = {p: i for i, p in enumerate(pieces)}
    ids = {t: len(vocab) + i for i, t in enumerate(("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<tool_call>"))}
    added = [special(ids, t) for t in list(ids)[:3]] + [{"id": ids["<tool_call>"], **added_token("<tool_call>", normalized=False)}]
    split = {"type": "Split", "pattern": {"Regex": QWEN_SPLIT}, "behavior": "Isolated", "invert": False}
    tok = whole(
        added,
        {"type": "NFC"},
        {"type": "Sequence", "pretokenizers": [split, byte_level(trim_offsets=False, use_regex=False)]},
        {"type": "Sequence", "processors": [byte_level(trim_offsets=False, use_regex=False), template(ids, [], ["<|endoftext|>"])]},
        byte_level(trim_offsets=False, use_regex=False),
        bpe(vocab, merges),
    )
    config = {
        "add_bos_token": False, "add_prefix_space": False, "added_tokens_decoder": {str(a["id"]): {k: x for k, x in a.items() if k != "id"} for a in added},
        "additional_special_tokens": ["<|im_start|>", "<|im_end|>"], "bos_token": None, "clean_up_tokenization_spaces": False, "eos_token": "<|im_end|>",
        "errors": "replace", "model_max_length": 131072, "pad_token": "<|endoftext|>", "split_special_tokens": False, "tokenizer_class": "Qwen2Tokenizer", "unk_token": None,
    }  # fmt: skip
    return tok, config, len(vocab) + len(ids)


def modernbert():
    """Byte-level BPE over NFC between [CLS] and [SEP]; runs of spaces are single added tokens."""
    pieces, merges = byte_pairs(None, True, 110)
    names = ["|||IP_ADDRESS|||", "<|padding|>"] + pieces
    vocab = {p: i for i, p in enumerate(names) if i > 1}
    extra = [" " * n for n in (8, 4, 3, 2)] + ["|||EMAIL_ADDRESS|||", "[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]", "[unused0]"]
    ids = {"|||IP_ADDRESS|||": 0, "<|padding|>": 1, **{t: len(names) + i for i, t in enumerate(extra)}}
    added = [{"id": i, **added_token(t)} for t, i in ids.items() if t.startswith(("|||", " ", "[unused"))]
    added += [special(ids, t) for t in ("<|padding|>", "[UNK]", "[CLS]", "[SEP]", "[PAD]")] + [special(ids, "[MASK]", lstrip=True)]
    tok = whole(added, {"type": "NFC"}, byte_level(), template(ids, ["[CLS]"], ["[SEP]"]), byte_level(), bpe(vocab, merges, continuing_subword_prefix=None, end_of_word_suffix=None))
    config = {
        "added_tokens_decoder": {str(a["id"]): {k: x for k, x in a.items() if k != "id"} for a in sorted(added, key=lambda a: a["id"])},
        "clean_up_tokenization_spaces": True, "cls_token": "[CLS]", "mask_token": "[MASK]", "model_input_names": ["input_ids", "attention_mask"],
        "model_max_length": 8192, "pad_token": "[PAD]", "sep_token": "[SEP]", "tokenizer_class": "PreTrainedTokenizerFast", "unk_token": "[UNK]",
    }  # fmt: skip
    return tok, config, len(names) + len(extra)


def gemma():
    """BPE over whole texts with spaces as U+2581; an unknown character becomes its bytes; between <bos> and <eos>."""
    tok = tokenizers.Tokenizer(models.BPE())
    tok.normalizer = normalizers.Replace(" ", "\u2581")
    tok.pre_tokenizer = pre_tokenizers.Split("\u2581", "merged_with_next")  # or the trainer would merge whole sentences
    trainer = trainers.BpeTrainer(vocab_size=240, show_progress=False)
    tok.train_from_iterator(with_frequent(sample(), 110), trainer)
    model = json.loads(tok.to_str())["model"]
    pieces = sorted(model["vocab"], key=model["vocab"].get)
    head = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "[multimodal]", "<unused0>", "<start_of_turn>", "<end_of_turn>", "\n", "\n\n", "\n\n\n", "\u2581\u2581", "\u2581\u2581\u2581", "<table>"]
    names = head + [f"<0x{b:02X}>" for b in range(256)] + [p for p in pieces if p not in head]
    vocab = {p: i for i, p in enumerate(names)}
    merges = [m for m in model["merges"] if m[0] in vocab and m[1] in vocab and m[0] + m[1] in vocab]
    merges = [["\n", "\n"], ["\n", "\n\n"], ["\u2581", "\u2581"], ["\u2581", "\u2581\u2581"]] + [m for m in merges if m[0] + m[1] not in head]
    added = [special(vocab, t) for t in head[:6] + head[7:9]] + [{"id": vocab[t], **added_token(t, normalized=False)} for t in [head[6]] + head[10:]]
    tok = whole(
        added,
        {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"},
        {"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": False},
        template(vocab, ["<bos>"], ["<eos>"]),
        {"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"}]},
        bpe(vocab, merges, unk_token="<unk>", continuing_subword_prefix=None, end_of_word_suffix=None, fuse_unk=True, byte_fallback=True),
    )
    config = {
        "add_bos_token": True, "add_eos_token": True, "added_tokens_decoder": {str(a["id"]): {k: x for k, x in a.items() if k != "id"} for a in sorted(added, key=lambda a: a["id"])},
        "bos_token": "<bos>", "clean_up_tokenization_spaces": False, "eos_token": "<eos>", "mask_token": "<mask>", "model_max_length": 2048, "pad_token": "<pad>",
        "padding_side": "right", "sp_model_kwargs": None, "spaces_between_special_tokens": False, "tokenizer_class": "GemmaTokenizer", "unk_token": "<unk>", "use_default_system_prompt": False,
    }  # fmt: skip
    return tok, config, len(vocab)


def charsmap():
    """{characters: replacement} after SentencePiece's nmt_nfkc, for what the golden texts hold."""
    spaces = "\t\n\r\u0085\u00a0\u1680\u2028\u2029\u202f\u205f\u2581\u3000\u200b\u200e\u200f\ufeff" + "".join(map(chr, range(0x2000, 0x200B)))
    out = {}
    for ch in sorted(set("".join(sum(groups().values(), [])))):
        composed = unicodedata.normalize("NFKC", ch)
        if ch in spaces:
            out[ch] = " "
        elif ch == "\x00":
            continue  # a key cannot hold it
        elif ord(ch) < 0x20 or 0x7F <= ord(ch) < 0xA0 and ch not in "\u0080\u0081":
            out[ch] = ""
        elif composed != ch:
            out[ch] = composed
        if ch.isalpha() and len(apart := unicodedata.normalize("NFD", ch)) > 1 and unicodedata.normalize("NFKC", apart) != apart:
            out[apart] = unicodedata.normalize("NFKC", apart)
    return out


def double_array(keys):
    """The Darts-clone units of a trie over {bytes: value}."""
    tree = {}
    for key, value in keys.items():
        node = tree
        for byte in key:
            node = node.setdefault(byte, {})
        node[0] = value
    units, used, bases = collections.defaultdict(int), {0}, set()

    def place(node, position, label):
        labels = sorted(node)
        base = next(b for b in range(1, 1 << 21) if b not in bases and not any(b ^ c in used for c in labels))
        bases.add(base)
        used.update(base ^ c for c in labels)
        units[position] = (position ^ base) << 10 | (1 << 8 if 0 in node else 0) | label
        for c in labels:
            if c == 0:
                units[base] = 1 << 31 | node[0]
            else:
                place(node[c], base ^ c, c)

    place(tree, 0, 0)
    size = (max(units) | 0xFF) + 1
    return [units[i] for i in range(size)]


@functools.cache
def precompiled():
    """`precompiled_charsmap` in base64."""
    table = charsmap()
    offsets, blob = {}, b""
    for text in sorted(set(table.values())):
        offsets[text] = len(blob)
        blob += text.encode() + b"\0"
    units = double_array({key.encode(): offsets[text] for key, text in table.items()})
    data = struct.pack("<I", 4 * len(units)) + struct.pack(f"<{len(units)}I", *units) + blob
    normalizer = normalizers.Precompiled(data)
    # The library looks up whole graphemes of less than six bytes, else single characters, and the shortest key wins.
    for key, text in table.items():
        if len(key) == 1 or len(key.encode()) < 6 and not any(key[:n] in table for n in range(1, len(key))):
            assert normalizer.normalize_str(key) == text, (key, text)
    return base64.b64encode(data).decode()


@functools.cache
def unigram_pieces(n):
    """[(piece, log probability)] without special tokens, likeliest first: 150 characters, and pieces of up to seven.

    Counted here, since the library's trainer gives other scores in every run. Many scores are equal: ties are tested.
    """
    normalizer = normalizers.Precompiled(base64.b64decode(precompiled()))
    words = collections.Counter("\u2581" + w for text in sample() for w in normalizer.normalize_str(text).split())
    characters, longer = collections.Counter(), collections.Counter()
    for word, count in words.items():
        for i in range(len(word)):
            characters[word[i]] += count
            for size in range(2, min(7, len(word) - i) + 1):
                longer[word[i : i + size]] += count

    known = sorted(characters, key=lambda ch: (-characters[ch], ch))[:150]
    longer = {p: count for p, count in longer.items() if all(ch in known for ch in p)}
    chosen = sorted(longer, key=lambda p: (-longer[p] * (len(p) - 1), p))[: n - len(known)]
    counts = {ch: characters[ch] for ch in known} | {p: longer[p] for p in chosen}
    total = sum(counts.values())
    return sorted(((p, round(math.log(count / total), 4)) for p, count in counts.items()), key=lambda x: (-x[1], x[0]))


def unigram(head, tail, n_pieces, unk_id, normalizer=None, split_first=True, **post):
    """The parts that XLM-R, CamemBERT and T5 share: (tokenizer without added tokens, vocabulary)."""
    rows = [(t, -100.0 if t == "<unk>NOTUSED" else 0.0) for t in head] + unigram_pieces(n_pieces) + [(t, 0.0) for t in tail]
    vocab = {p: i for i, (p, _) in enumerate(rows)}
    assert len(vocab) == len(rows)
    metaspace = {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": True}
    pre = {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, metaspace]} if split_first else metaspace
    model = {"type": "Unigram", "unk_id": unk_id, "vocab": [list(r) for r in rows], "byte_fallback": False}
    tok = whole([], normalizer or {"type": "Precompiled", "precompiled_charsmap": precompiled()}, pre, template(vocab, **post), metaspace, model)
    return tok, vocab


def xlm_roberta(rebuilt=True):
    """Unigram between <s> and </s>. Not `rebuilt`: tokenizer.json alone decides, and its normaliser joins spaces."""
    joined = {"type": "Sequence", "normalizers": [{"type": "Precompiled", "precompiled_charsmap": precompiled()}, {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}]}
    tok, vocab = unigram(["<s>", "<pad>", "</s>", "<unk>"], ["<mask>"], 420, 3, None if rebuilt else joined, split_first=rebuilt, before=["<s>"], after=["</s>"])
    tok["added_tokens"] = [special(vocab, s) for s in ("<s>", "<pad>", "</s>", "<unk>")] + [special(vocab, "<mask>", lstrip=True)]
    config = {
        "bos_token": "<s>", "clean_up_tokenization_spaces": True, "cls_token": "<s>", "eos_token": "</s>",
        "mask_token": {"__type": "AddedToken", "content": "<mask>", "lstrip": True, "normalized": False, "rstrip": False, "single_word": False, "special": True},
        "model_max_length": 512, "pad_token": "<pad>", "sep_token": "</s>", "tokenizer_class": "XLMRobertaTokenizer" if rebuilt else "PreTrainedTokenizerFast", "unk_token": "<unk>",
    }  # fmt: skip
    return tok, config, len(vocab)


def camembert():
    """Unigram whose real specials follow four unused ones; <pad> is 1 all the same."""
    unused = ["<s>NOTUSED", "</s>NOTUSED", "<unk>NOTUSED"]
    tok, vocab = unigram([unused[0], "<pad>", unused[1], "<unk>", unused[2], "<s>", "</s>"], ["<mask>"], 330, 3, before=["<s>"], after=["</s>"])
    tok["added_tokens"] = [special(vocab, s) for s in unused + ["<pad>", "<unk>", "<s>", "</s>"]] + [special(vocab, "<mask>", lstrip=True)]
    tok["added_tokens"].sort(key=lambda a: a["id"])
    config = {
        "additional_special_tokens": unused, "bos_token": "<s>", "cls_token": "<s>", "eos_token": "</s>", "mask_token": "<mask>", "model_max_length": 512,
        "pad_token": "<pad>", "sep_token": "</s>", "tokenizer_class": "CamembertTokenizer", "unk_token": "<unk>",
    }  # fmt: skip
    return tok, config, len(vocab)


def t5():
    """Unigram ended by </s>; the sentinels <extra_id_n> stand at the end, the last one first."""
    sentinels = ["<extra_id_0>", "<extra_id_1>"]
    tok, vocab = unigram(["<pad>", "</s>", "<unk>"], sentinels[::-1], 330, 2, before=[], after=["</s>"])
    tok["added_tokens"] = [special(vocab, s) for s in ["<pad>", "</s>", "<unk>"] + sentinels[::-1]]
    config = {
        "additional_special_tokens": sentinels, "eos_token": "</s>", "extra_ids": 2, "model_max_length": 512, "pad_token": "<pad>",
        "tokenizer_class": "T5Tokenizer", "unk_token": "<unk>",
    }  # fmt: skip
    return tok, config, len(vocab)
