#!/usr/bin/env python3
"""Writes tiny/<name>/: small BERT models with random weights, each with what sentence-transformers makes of it.

The genuine model shows that vecd is right where everybody looks; these show that it is right where folders differ:
poolings, activations, odd head sizes, tensor names, number formats, tokenizer settings, limits, prompts. Weights are
spread wide, LayerNorm weights are not 1 and biases not 0, so that a wrong epsilon, activation or bias cannot hide.

Each folder is a model folder as on the Hub, plus
  golden.json    text_indices  indices into ../../texts.json
                 texts         literal texts, after those (mostly empty)
                 ids           for each of these texts in that order: the token ids the encoder was fed
                 note          what the folder is there for
  vectors.npy    float32 [n_texts, dimensions]: sentence-transformers' output for each text alone (a batch of one),
                 computed in float32 whatever the weights' own format

Every weight comes from a generator seeded with the folder's name. The script fails if sentence-transformers loads
other weights than those it wrote: that stack skips misnamed tensors in silence.

Usage: make_tiny.py [NAME ...]      (default: all)
"""

import collections
import dataclasses
import json
import os
import pathlib
import shutil
import sys
import tempfile
import zlib

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import numpy as np  # noqa: E402
import safetensors.torch  # noqa: E402
import tokenizers  # noqa: E402
import torch  # noqa: E402
from sentence_transformers import SentenceTransformer  # noqa: E402

from make_minilm import spread  # noqa: E402
from make_texts import all_texts, group_indices, groups  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]

# Texts of each group that every tiny model is run on: 64 in all.
TEXTS_PER_GROUP = {
    "short": 5, "sentence": 4, "language": 15, "code": 3, "emoji": 2, "punctuation": 4, "space": 4, "control": 6,
    "combining": 7, "special": 6, "word-length": 3, "cjk-edge": 1, "unknown": 1, "limit": 2, "long": 1,
}  # fmt: skip

FLAGS = ["cls_token", "max_tokens", "mean_tokens", "mean_sqrt_len_tokens", "weightedmean_tokens", "lasttoken"]
UNCASED = {"clean_text": True, "handle_chinese_chars": True, "strip_accents": None, "lowercase": True}
CASED = {"clean_text": True, "handle_chinese_chars": True, "strip_accents": None, "lowercase": False}


def pooling(*on, dim, **more):
    """1_Pooling/config.json with the old flags, the named ones true."""
    assert set(on) <= set(FLAGS)
    return {"word_embedding_dimension": dim, **{"pooling_mode_" + f: f in on for f in FLAGS}, **more}


@dataclasses.dataclass
class Variant:
    """One folder. Sizes are in numbers (no units); `None` in an optional setting leaves the key or file out."""

    note: str
    hidden: int = 32
    heads: int = 4
    intermediate: int = 37
    layers: int = 2
    positions: int = 48
    types: int = 2
    act: str = "gelu"
    eps: float = 1e-12
    pool: tuple = ("mean_tokens",)  # old flags that are true
    pooling_config: dict | None = None  # the whole 1_Pooling/config.json instead of `pool`
    head: tuple = ()  # modules behind the pooling, before Normalize: ("Dense", width, activation, bias), ("LayerNorm",), ("Normalize",)
    normalize: bool = False
    modules: bool = True  # False: no modules.json and no pooling folder
    normalizer: dict = dataclasses.field(default_factory=lambda: dict(UNCASED))  # in tokenizer.json
    tokenizer_class: str | None = "BertTokenizer"
    tokenizer_config: dict = dataclasses.field(default_factory=dict)  # over the keys that agree with `normalizer`
    tokenizer_json: dict = dataclasses.field(default_factory=dict)  # over the top-level keys
    max_word_chars: int = 100
    pads_last: bool = False  # special tokens at the vocabulary's end instead of its start
    added: list = dataclasses.field(default_factory=list)  # added tokens beside the five special ones
    max_seq_length: int | None = 48  # in sentence_bert_config.json
    sbert_config: dict | None = dataclasses.field(default_factory=dict)  # None: no such file
    model_max_length: int | None = 512  # in tokenizer_config.json
    prefix: str = ""  # before every tensor name
    rename: tuple = ()  # (from, to) in tensor names
    pooler: bool = False
    position_ids: bool = False
    dtype: torch.dtype = torch.float32
    st_config: dict | None = None  # config_sentence_transformers.json
    shards: int = 0  # write the weights into so many files and an index, every second one in a folder of its own
    resave: bool = False  # written again by sentence-transformers' own save()
    l2_after: bool = False  # normalise here what the reference leaves raw
    texts: list = dataclasses.field(default_factory=list)  # literal texts beside the common ones


def added_token(content, special=False, single_word=False, lstrip=False, rstrip=False, normalized=None):
    """One entry of tokenizer.json's added_tokens without its id; `normalized` is the contrary of `special` by default."""
    return {
        "special": special, "content": content, "single_word": single_word, "lstrip": lstrip, "rstrip": rstrip,
        "normalized": (not special) if normalized is None else normalized,
    }  # fmt: skip


ADDED = [
    added_token("<plain>"),
    added_token("<special>", special=True),
    added_token("wholeword", single_word=True, normalized=False),
    added_token("Normal\u00e9", normalized=True),
    added_token("Rawcase\u00c9", normalized=False),
    added_token("<left>", special=True, lstrip=True),
    added_token("<right>", special=True, rstrip=True),
    added_token("<both>", lstrip=True, rstrip=True, normalized=False),
    added_token("singleboth", single_word=True, lstrip=True, rstrip=True, normalized=False),
    added_token("<pla", normalized=False),
    added_token("ab cd", normalized=True),
    added_token("<special-norm>", special=True, normalized=True),
    added_token("\u4e2d\u6587", normalized=False),
    added_token("aab", normalized=False),
    added_token("aabaa", normalized=False),
]

ADDED_TEXTS = [
    "a <plain> b", "a<plain>b", "<PLAIN> <Plain> <plain>", "<special><special>", "x<special>y <SPECIAL>", "wholeword", "a wholeword b", "wholewords", "awholeword", "wholeword.", ".wholeword,", "\u00e9wholeword", "wholeword\u4e2d", "_wholeword", "wholeword1 wholeword",
    "WHOLEWORD", "Normal\u00e9", "normale", "NORMAL\u00c9", "Normale\u0301", "xNormal\u00e9x", "Rawcase\u00c9", "rawcase\u00e9", "Rawcase\u00c9Rawcase\u00c9", "a   <left>   b", "a\t\n<left>b", "a\u00a0<left>\u00a0b", "<left> <left>", "a   <right>   b",
    "a<right>\t\nb", "<right>  <right>  ", "a  <both>  b", "  <both>  <both>  ", "x singleboth y", "xsingleboth", "singleboth", "  singleboth  singleboth  .", "<pla", "<plain", "<plai>", "<pla<plain>", "ab cd", "ab  cd", "AB CD", "xab cdx", "a\u0301b cd", "ab\ncd",
    "<special-norm>", "<SPECIAL-NORM>", "<special-norm", "\u4e2d\u6587", "\u6587\u4e2d\u6587\u5b57", "aab", "aabaa", "aabaab", "aabaabaa", "aaabaaab", "[MASK]<left>[MASK]", "a [MASK] <both> [SEP]", "<both>[CLS]<right> [CLS]", "<left>\u0000 <left>", "\u0000<right>\u0000 x",
    "<\u00adplain>", "<plain>\u00ad<plain>", "<plain><special><left><right><both>", "wholeword wholeword wholeword",
]  # fmt: skip


TANH, IDENTITY = "torch.nn.modules.activation.Tanh", "torch.nn.modules.linear.Identity"
PROMPT = {"prompts": {"query": "query: ", "document": "passage: "}, "default_prompt_name": "query"}
HALF_WORD = {"prompts": {"half": "see: xzqjv"}, "default_prompt_name": "half"}
HALF_WORD_TEXTS = ["\u16a0", "\u16a0 and more", "\u16a0 a b c d e f g h"]  # makes the word unknown: one token in place of five


def variants():
    """{folder name: Variant}."""
    return {
        "bert-mean-norm": Variant("mean pooling, Normalize; head size 12", hidden=36, heads=3, intermediate=50, normalize=True),
        "bert-cls": Variant("CLS pooling; special tokens at the vocabulary's end, epsilon 1e-3", eps=1e-3, pool=("cls_token",), pads_last=True),
        "bert-max": Variant("max pooling; head size 8, three layers", hidden=24, heads=3, intermediate=41, layers=3, pool=("max_tokens",)),
        "bert-mean-sqrt-len": Variant("sum divided by the square root of the length", pool=("mean_sqrt_len_tokens",)),
        "bert-weighted-mean": Variant("mean with weights 1, 2, 3, ...", pool=("weightedmean_tokens",)),
        "bert-last-token": Variant("the last token, which is [SEP]; one head of size 33", hidden=33, heads=1, intermediate=65, pool=("lasttoken",)),
        "bert-concat": Variant("all six old flags: concatenated in the fixed order cls, max, mean, mean_sqrt_len, weightedmean, lasttoken", hidden=30, heads=2, pool=tuple(reversed(FLAGS)), normalize=True),
        "bert-concat-new": Variant("written by the installed sentence-transformers' save(): new module types, pooling_mode as a list, in the list's order", pooling_config={"embedding_dimension": 32, "pooling_mode": ["weightedmean", "cls", "max"], "include_prompt": True}, pooler=True, resave=True),
        "bert-new-string": Variant("pooling_mode as a string, old dimension key; old flags beside it are ignored", pooling_config={"word_embedding_dimension": 32, "pooling_mode": "max", "pooling_mode_cls_token": True, "pooling_mode_mean_tokens": True}),
        "bert-no-flags": Variant("every old flag false: mean", pool=()),
        "bert-no-modules": Variant("a plain transformers folder: mean by the reference, L2 by vecd's convention; no sentence_bert_config.json, model_max_length 1e30: the limit is max_position_embeddings", modules=False, sbert_config=None, model_max_length=1000000000000000019884624838656, positions=40, l2_after=True),
        "bert-prefix": Variant("tensor names with 'bert.', a pooler and position_ids of I64, both unused; one token type", prefix="bert.", pooler=True, position_ids=True, types=1),
        "bert-gamma-beta": Variant("LayerNorm.gamma and LayerNorm.beta; epsilon 1e-2", rename=(("LayerNorm.weight", "LayerNorm.gamma"), ("LayerNorm.bias", "LayerNorm.beta")), eps=1e-2),
        "bert-f16": Variant("F16 weights, float32 arithmetic; head size 11", hidden=44, intermediate=90, dtype=torch.float16),
        "bert-bf16": Variant("BF16 weights, float32 arithmetic; head size 20", hidden=40, heads=2, intermediate=70, dtype=torch.bfloat16, normalize=True),
        "bert-gelu-new": Variant("GELU's tanh form", act="gelu_new"),
        "bert-relu": Variant("ReLU", act="relu"),
        "bert-cased": Variant("no lower-casing, hence no accent stripping", hidden=24, layers=1, normalizer=dict(CASED)),
        "bert-cased-strip": Variant("no lower-casing, yet accents stripped", hidden=24, layers=1, normalizer={**CASED, "strip_accents": True}),
        "bert-uncased-accents": Variant("lower-casing, accents kept", hidden=24, layers=1, normalizer={**UNCASED, "strip_accents": False}),
        "bert-fast-raw": Variant("PreTrainedTokenizerFast: tokenizer.json alone decides: no cleaning, no CJK splitting, words of at most 20 characters", hidden=24, layers=1, tokenizer_class="PreTrainedTokenizerFast", normalizer={**UNCASED, "clean_text": False, "handle_chinese_chars": False}, max_word_chars=20),
        "bert-conflict": Variant("BertTokenizer: tokenizer_config.json decides (cased, no CJK splitting) against tokenizer.json (uncased, words of at most 20 characters)", hidden=24, layers=1, max_word_chars=20, tokenizer_config={"do_lower_case": False, "tokenize_chinese_chars": False}),
        "bert-do-lower-case": Variant("sentence_bert_config.json's do_lower_case over a cased tokenizer", hidden=24, layers=1, normalizer=dict(CASED), sbert_config={"do_lower_case": True}),
        "bert-added-tokens": Variant("added tokens: single_word, lstrip, rstrip, normalized, special", hidden=24, layers=1, tokenizer_class="PreTrainedTokenizerFast", added=ADDED, texts=ADDED_TEXTS),
        "bert-added-tokens-rebuilt": Variant("the same added tokens where transformers rebuilds the tokenizer (BertTokenizer)", hidden=24, layers=1, added=ADDED, texts=ADDED_TEXTS),
        "bert-position-512-long": Variant("no max_seq_length: the limit is model_max_length 24, under 40 positions", hidden=24, layers=1, positions=40, max_seq_length=None, model_max_length=24, tokenizer_json={"truncation": {"direction": "Right", "max_length": 16, "strategy": "LongestFirst", "stride": 0}, "padding": {"strategy": {"Fixed": 20}, "direction": "Right", "pad_to_multiple_of": 8, "pad_id": 0, "pad_type_id": 0, "pad_token": "[PAD]"}}),
        "bert-truncate-left": Variant("tokenizer.json's truncation direction Left: the text's start is cut, not its end", hidden=24, layers=1, max_seq_length=16, tokenizer_json={"truncation": {"direction": "Left", "max_length": 32, "strategy": "LongestFirst", "stride": 0}}),
        "bert-prompt": Variant("a default prompt is put before each text, and include_prompt false leaves its tokens and [CLS] out of the mean", hidden=24, layers=1, pooling_config=pooling("mean_tokens", dim=24, include_prompt=False), st_config={"prompts": {"query": "query: ", "document": "passage: "}, "default_prompt_name": "query", "similarity_fn_name": "cosine"}),
        "bert-prompt-included": Variant("a default prompt with its tokens in the mean; another prompt is null", hidden=24, layers=1, st_config={"prompts": {"passage": None, "query": "query: "}, "default_prompt_name": "query"}),
        "bert-prompt-all-poolings": Variant("include_prompt false with all six poolings", hidden=20, heads=2, layers=1, pool=tuple(FLAGS), pooling_config=pooling(*FLAGS, dim=20, include_prompt=False), st_config=PROMPT),
        "bert-prompt-swallowed": Variant("include_prompt false, and a prompt that ends within a word: with some texts behind it there are fewer tokens than the prompt has alone, and none is left to pool", hidden=20, heads=2, layers=1, pool=tuple(f for f in FLAGS if f != "max_tokens"), pooling_config=pooling(*(f for f in FLAGS if f != "max_tokens"), dim=20, include_prompt=False), st_config=HALF_WORD, texts=HALF_WORD_TEXTS),
        "bert-prompt-cls": Variant("include_prompt false with CLS pooling: the first token behind the prompt", hidden=24, layers=1, pool=("cls_token",), pooling_config=pooling("cls_token", dim=24, include_prompt=False), st_config=HALF_WORD, texts=HALF_WORD_TEXTS),
        "bert-prompt-last-token": Variant("include_prompt false with last token pooling: zeros where the prompt is all there is", hidden=24, layers=1, pool=("lasttoken",), pooling_config=pooling("lasttoken", dim=24, include_prompt=False), st_config=HALF_WORD, texts=HALF_WORD_TEXTS),
        "bert-dense-tanh": Variant("Dense with bias; its activation is not named, so it is Tanh", hidden=24, layers=1, head=(("Dense", 40, None, True),)),
        "bert-dense-two": Variant("two poolings, Dense without activation and bias, Dense with Tanh to an odd width, Normalize", hidden=24, layers=1, pool=("cls_token", "mean_tokens"), head=(("Dense", 65, IDENTITY, False), ("Dense", 17, TANH, True)), normalize=True),
        "bert-dense-bf16": Variant("BF16 weights everywhere, Normalize before Dense, none behind it", hidden=24, layers=1, dtype=torch.bfloat16, head=(("Normalize",), ("Dense", 30, IDENTITY, True))),
        "bert-layer-norm-module": Variant("a LayerNorm module, then Normalize", hidden=24, layers=1, head=(("LayerNorm",),), normalize=True),
        "bert-order": Variant("Normalize, LayerNorm, Dense, Normalize, Dense: in that order", hidden=24, layers=1, head=(("Normalize",), ("LayerNorm",), ("Dense", 33, TANH, True), ("Normalize",), ("Dense", 24, TANH, False))),
        "bert-truncate-dim": Variant("truncate_dim cuts behind Normalize; the rest is not normalised again", hidden=24, layers=1, normalize=True, st_config={"truncate_dim": 10}),
        "bert-truncate-dense": Variant("truncate_dim, no Normalize, the widest module in the middle", hidden=24, layers=1, head=(("Dense", 70, TANH, True), ("Dense", 20, IDENTITY, True)), st_config={"truncate_dim": 19}),
        "bert-sharded": Variant("weights in three files and an index", hidden=24, shards=3, normalize=True),
    }  # fmt: skip


def common_indices():
    """Indices into texts.json of the texts that every variant is run on."""
    by_group = group_indices()
    chosen = sorted({i for name, count in TEXTS_PER_GROUP.items() for i in spread(by_group[name], count)})
    assert len(chosen) >= 60, len(chosen)
    return chosen


def make_vocabulary(lowercase):
    """About 480 WordPiece entries (specials not among them): ASCII, frequent other characters, frequent pieces.

    Counted over the golden texts as BERT splits them, so that few words are wholly unknown; ties go to code point
    order, so that the list depends on nothing but the texts and the pinned tokenizers.
    """
    normalizer = tokenizers.normalizers.BertNormalizer(lowercase=lowercase)
    splitter = tokenizers.pre_tokenizers.BertPreTokenizer()
    words = collections.Counter()
    for name, members in groups().items():
        if name in ("short", "sentence", "language", "code", "emoji", "punctuation", "combining"):
            for text in members:
                words.update(word for word, _ in splitter.pre_tokenize_str(normalizer.normalize_str(text)))
    first, inner, pieces = collections.Counter(), collections.Counter(), collections.Counter()
    for word, count in words.items():
        first[word[0]] += count
        for ch in word[1:]:
            inner[ch] += count
        for n in range(2, min(len(word), 7) + 1):
            pieces[word[:n]] += count * (n - 1)
            if n < len(word):
                pieces["##" + word[-n:]] += count * (n - 1)
    ascii_chars = [chr(c) for c in range(0x21, 0x7F) if not (lowercase and chr(c).isupper())]

    def top(counter, count):
        return sorted(counter, key=lambda k: (-counter[k], k))[:count]

    def foreign(counter):
        return collections.Counter({k: v for k, v in counter.items() if k > "\x7f"})

    vocab = list(ascii_chars)
    vocab += ["##" + c for c in ascii_chars if c.isalnum()]
    vocab += top(foreign(first), 110) + ["##" + c for c in top(foreign(inner), 90)]
    vocab += [p for p in top(pieces, 400) if p not in vocab][: (175 if lowercase else 130)]
    assert len(vocab) == len(set(vocab))
    return vocab


def tokenizer_files(v):
    """tokenizer.json and tokenizer_config.json as dicts, and the number of ids they know."""
    pieces = make_vocabulary(v.normalizer["lowercase"])
    pieces = pieces + SPECIALS if v.pads_last else SPECIALS + pieces
    vocab = {piece: i for i, piece in enumerate(pieces)}
    added = [{"id": vocab[s], **added_token(s, special=True)} for s in SPECIALS]
    added += [{"id": len(vocab) + i, **a} for i, a in enumerate(v.added)]
    cls, sep = ({"SpecialToken": {"id": s, "type_id": 0}} for s in ("[CLS]", "[SEP]"))
    text, second = ({"Sequence": {"id": name, "type_id": t}} for name, t in (("A", 0), ("B", 1)))
    tokenizer = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
        "normalizer": {"type": "BertNormalizer", **v.normalizer},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [cls, text, sep],
            "pair": [cls, text, sep, second, {"SpecialToken": {"id": "[SEP]", "type_id": 1}}],
            "special_tokens": {s: {"id": s, "ids": [vocab[s]], "tokens": [s]} for s in ("[CLS]", "[SEP]")},
        },
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {
            "type": "WordPiece",
            "unk_token": "[UNK]",
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": v.max_word_chars,
            "vocab": vocab,
        },
        **v.tokenizer_json,
    }
    config = {
        "tokenizer_class": v.tokenizer_class,
        "model_max_length": v.model_max_length,
        "do_lower_case": v.normalizer["lowercase"],
        "strip_accents": v.normalizer["strip_accents"],
        "tokenize_chinese_chars": v.normalizer["handle_chinese_chars"],
        **{s[1:-1].lower() + "_token": s for s in SPECIALS},
        **v.tokenizer_config,
    }
    return tokenizer, config, len(vocab) + len(v.added)


def random_weights(v, name, n_ids):
    """{tensor name: float32 tensor} of a BertModel in transformers' names; shapes are [output, input]."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))

    def normal(*shape, std, mean=0.0):
        return torch.from_numpy((mean + std * rng.standard_normal(shape)).astype(np.float32))

    out = {}

    def linear(key, n_out, n_in, std):
        out[key + ".weight"] = normal(n_out, n_in, std=std)
        out[key + ".bias"] = normal(n_out, std=0.2)

    def layer_norm(key):
        out[key + ".weight"] = normal(v.hidden, std=0.3, mean=1.0)
        out[key + ".bias"] = normal(v.hidden, std=0.2)

    out["embeddings.word_embeddings.weight"] = normal(n_ids, v.hidden, std=0.5)
    out["embeddings.position_embeddings.weight"] = normal(v.positions, v.hidden, std=0.2)
    out["embeddings.token_type_embeddings.weight"] = normal(v.types, v.hidden, std=0.3)
    layer_norm("embeddings.LayerNorm")
    for i in range(v.layers):
        key = f"encoder.layer.{i}."
        for part in ("query", "key", "value"):
            linear(key + "attention.self." + part, v.hidden, v.hidden, std=0.25)
        linear(key + "attention.output.dense", v.hidden, v.hidden, std=0.3)
        layer_norm(key + "attention.output.LayerNorm")
        linear(key + "intermediate.dense", v.intermediate, v.hidden, std=0.3)
        linear(key + "output.dense", v.hidden, v.intermediate, std=0.3)
        layer_norm(key + "output.LayerNorm")
    if v.pooler:
        linear("pooler.dense", v.hidden, v.hidden, std=0.3)
    return {key: tensor.to(v.dtype) for key, tensor in out.items()}


def dump(path, value, compact=False):
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(value, separators=(",", ":")) if compact else json.dumps(value, indent=1)
    path.write_text(text + "\n", encoding="ascii", newline="\n")


def without_none(config, *keys):
    return {key: value for key, value in config.items() if not (key in keys and value is None)}


def write_folder(v, name, folder):
    """Writes the model folder and returns its weights under transformers' own names."""
    tokenizer, tokenizer_config, n_ids = tokenizer_files(v)
    dump(folder / "tokenizer.json", tokenizer, compact=True)
    dump(folder / "tokenizer_config.json", without_none(tokenizer_config, "tokenizer_class", "model_max_length"))
    dump(
        folder / "config.json",
        {
            "architectures": ["BertForMaskedLM" if v.prefix else "BertModel"],
            "model_type": "bert",
            "vocab_size": n_ids,
            "hidden_size": v.hidden,
            "num_attention_heads": v.heads,
            "intermediate_size": v.intermediate,
            "num_hidden_layers": v.layers,
            "max_position_embeddings": v.positions,
            "type_vocab_size": v.types,
            "hidden_act": v.act,
            "layer_norm_eps": v.eps,
            "pad_token_id": tokenizer["model"]["vocab"]["[PAD]"],
            "torch_dtype": str(v.dtype).removeprefix("torch."),
        },
    )
    weights = random_weights(v, name, n_ids)
    stored = {}
    for key, tensor in weights.items():
        for old, new in v.rename:
            key = key.replace(old, new)
        stored[v.prefix + key] = tensor
    if v.position_ids:
        stored[v.prefix + "embeddings.position_ids"] = torch.arange(v.positions, dtype=torch.int64).reshape(1, -1)
    if v.shards:
        save_shards(stored, v.shards, folder)
    else:
        safetensors.torch.save_file(stored, folder / "model.safetensors", metadata={"format": "pt"})
    if v.sbert_config is not None:
        dump(folder / "sentence_bert_config.json", without_none({"max_seq_length": v.max_seq_length, "do_lower_case": False, **v.sbert_config}, "max_seq_length"))
    if v.st_config is not None:
        dump(folder / "config_sentence_transformers.json", v.st_config)
    if v.modules:
        types = ["Transformer", "Pooling"] + [m[0] for m in head_of(v)]
        paths = [f"{i}_{t}" if i else "" for i, t in enumerate(types)]
        dump(folder / "modules.json", [{"idx": i, "name": str(i), "path": paths[i], "type": "sentence_transformers.models." + t} for i, t in enumerate(types)])
        dump(folder / "1_Pooling" / "config.json", v.pooling_config or pooling(*v.pool, dim=v.hidden))
        write_head(v, name, folder, paths)
    return weights


def head_of(v):
    return [*v.head, *([("Normalize",)] * v.normalize)]


def save_shards(tensors, n, folder):
    weight_map, names = {}, sorted(tensors)
    for i in range(n):
        file = ("more/" if i % 2 else "") + f"model-{i + 1:05d}-of-{n:05d}.safetensors"
        (folder / file).parent.mkdir(exist_ok=True)
        safetensors.torch.save_file({k: tensors[k] for k in names[i::n]}, folder / file, metadata={"format": "pt"})
        weight_map.update(dict.fromkeys(names[i::n], file))
    size = sum(t.numel() * t.element_size() for t in tensors.values())
    dump(folder / "model.safetensors.index.json", {"metadata": {"total_size": size}, "weight_map": dict(sorted(weight_map.items()))})


def write_head(v, name, folder, paths):
    """The folders of the modules behind the pooling."""
    rng = np.random.default_rng(zlib.crc32((name + " head").encode()))

    def normal(*shape, std, mean=0.0):
        return torch.from_numpy((mean + std * rng.standard_normal(shape)).astype(np.float32))

    width = v.hidden * len(v.pool or (1,))
    for path, (kind, *spec) in zip(paths[2:], head_of(v)):
        if kind == "Normalize":
            continue
        if kind == "Dense":
            out, activation, bias = spec
            config = {"in_features": width, "out_features": out, "bias": bias, "activation_function": activation}
            weights = {"linear.weight": normal(out, width, std=0.15)} | ({"linear.bias": normal(out, std=0.2)} if bias else {})
            width = out
        else:
            config = {"dimension": width}
            weights = {"norm.weight": normal(width, std=0.3, mean=1.0), "norm.bias": normal(width, std=0.2)}
        dump(folder / path / "config.json", {k: x for k, x in config.items() if x is not None})
        weights = {k: t.to(v.dtype) for k, t in weights.items()}
        safetensors.torch.save_file(weights, folder / path / "model.safetensors", metadata={"format": "pt"})


def load_model(folder):
    """The reference in float32. `dtype` is given because transformers would compute in the weights' own format."""
    torch.set_num_threads(1)
    return SentenceTransformer(str(folder), device="cpu", local_files_only=True, model_kwargs={"dtype": torch.float32})


def check_weights(model, weights):
    """Every weight that was written is in the loaded model, value for value."""
    loaded = model[0].model.state_dict()
    for key, tensor in weights.items():
        assert torch.equal(loaded[key], tensor.float()), key
    unset = [key for key in loaded if key not in weights and not key.startswith("pooler.")]
    assert not unset, unset


def check_head(model, v, folder):
    """The modules behind the pooling are those that were written, with their weights."""
    assert [type(m).__name__ for m in model][2:] == [m[0] for m in head_of(v)]
    for i, module in enumerate(model):
        path = folder / f"{i}_{type(module).__name__}" / "model.safetensors"
        loaded = module.state_dict() if i > 1 else {}
        written = safetensors.torch.load_file(path) if loaded else {}
        assert set(loaded) == set(written) and all(torch.equal(loaded[k], written[k].float()) for k in loaded), path


def encode_alone(model, texts):
    """(ids, vectors): for each text the ids its encoder was fed, and float32 [n_texts, dimensions]."""
    fed = []
    hook = model[0].register_forward_pre_hook(lambda _module, args: fed.append(args[0]["input_ids"].tolist()))
    vectors = [model.encode([text], batch_size=1, convert_to_numpy=True, show_progress_bar=False)[0] for text in texts]
    hook.remove()
    assert len(fed) == len(texts) and all(len(rows) == 1 for rows in fed)
    return [rows[0] for rows in fed], np.stack(vectors).astype(np.float32, copy=False)


def make(name, v, final, write=write_folder, load=load_model, check=check_weights):
    """Builds one folder in a temporary place and puts it where `final` says."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch) / name
        folder.mkdir()
        weights = write(v, name, folder)
        if v.resave:
            saved = pathlib.Path(scratch) / "saved"
            load(folder).save(str(saved), create_model_card=False)
            folder = saved
        model = load(folder)
        check(model, weights)
        if write is write_folder and v.modules and not v.resave:
            check_head(model, v, folder)
        indices, everything = common_indices(), all_texts()
        ids, vectors = encode_alone(model, [everything[i] for i in indices] + v.texts)
        assert np.isfinite(vectors).all()
        if v.l2_after:
            norms = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
            vectors = (vectors.astype(np.float64) / norms).astype(np.float32)
        rows = ",\n".join("  " + json.dumps(row, separators=(",", ":")) for row in ids)
        head = {"note": v.note, "text_indices": indices, "texts": v.texts}
        body = "{\n" + "".join(f" {json.dumps(k)}: {json.dumps(x, separators=(',', ':'))},\n" for k, x in head.items()) + f' "ids": [\n{rows}\n ]\n}}\n'
        json.loads(body)
        (folder / "golden.json").write_text(body, encoding="ascii", newline="\n")
        np.save(folder / "vectors.npy", vectors)
        if final.exists():
            shutil.rmtree(final)
        final.parent.mkdir(exist_ok=True)
        shutil.copytree(folder, final)
        for file in final.rglob("*.safetensors"):
            file.chmod(0o644)
    size = sum(f.stat().st_size for f in final.rglob("*") if f.is_file())
    unknown = sum(row.count(model.tokenizer.unk_token_id) for row in ids) / sum(map(len, ids))
    print(f"{name}: {vectors.shape}, limit {model.max_seq_length}, longest {max(map(len, ids))}, {unknown:.0%} unknown, {size / 1000:.0f} kB", flush=True)


def main():
    table = variants()
    for name in sys.argv[1:] or table:
        make(name, table[name], HERE / "tiny" / name)


if __name__ == "__main__":
    main()
