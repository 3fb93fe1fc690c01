#!/usr/bin/env python3
"""Writes the golden data of all-MiniLM-L6-v2: what sentence-transformers gives, in float32, for every text of texts.json.

Files, all beside this script (n = number of texts in texts.json, in its order):
  minilm_ids.json         n arrays: the token ids fed to the model, special tokens included, cut at max_seq_length (256)
  minilm_offsets.json     60 objects {text, ids, tokens, offsets}: the pieces of text number `text` without truncation, and
                          for each its [start, end) in code points of the original text; special tokens have [0, 0]
  minilm_vectors.npy      float32 [n, 384], each text encoded alone (a batch of one, so no padding), L2-normalised as the
                          folder's modules.json says
  minilm_codepoints.json  the ids of three short texts around every Unicode code point, as one digest for 256 code points

The ids come from the features that sentence-transformers makes, not from tokenizer.json's own settings, which say
"truncate at 128, pad to 128" and are overridden.

Usage: make_minilm.py MODEL_FOLDER [ids] [offsets] [vectors] [codepoints]      (default: all four)
"""

import json
import os
import pathlib
import sys

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch: one thread, so that sums are taken in one order
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np  # noqa: E402
import tokenizers  # noqa: E402
import torch  # noqa: E402
import transformers  # noqa: E402
import xxhash  # noqa: E402
import sentence_transformers  # noqa: E402
from sentence_transformers import SentenceTransformer  # noqa: E402

from make_texts import dump_lines, group_indices  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
MAX_TOKENS = 256
DIMENSIONS = 384

# How many texts of each group go to minilm_offsets.json, spread evenly over the group: 60 in all.
OFFSETS_PER_GROUP = {
    "short": 4, "sentence": 5, "language": 12, "code": 4, "emoji": 3, "punctuation": 4, "space": 4, "control": 6,
    "combining": 7, "special": 5, "word-length": 2, "cjk-edge": 2, "unknown": 1, "limit": 1,
}  # fmt: skip


def load_model(folder):
    """The reference: sentence-transformers on the CPU in float32, one thread."""
    torch.set_num_threads(1)
    model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    assert next(model.parameters()).dtype == torch.float32
    return model


def fed_ids(model, text):
    """The ids [n_tokens] that the model is fed for one text, and a check that nothing in them is padding."""
    features = model.preprocess([text])
    assert features["input_ids"].shape[0] == 1
    assert bool(features["attention_mask"].all()), "a text encoded alone must not be padded"
    assert "token_type_ids" not in features or not bool(features["token_type_ids"].any()), "every token type is 0"
    return features["input_ids"][0].tolist()


def untruncated_tokenizer(model, folder):
    """The Rust tokenizer that sentence-transformers uses, with truncation and padding off.

    transformers 5 rebuilds it from the vocabulary and tokenizer_config.json; the one in tokenizer.json must agree, or
    the golden data would depend on which of the two a reader follows.
    """
    tok = tokenizers.Tokenizer.from_str(model.tokenizer.backend_tokenizer.to_str())
    plain = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    for t in (tok, plain):
        t.no_truncation()
        t.no_padding()
    return tok, plain


def spread(indices, count):
    """`count` members of `indices`, evenly spaced, first and last included where count > 1."""
    if count == 1:
        return [indices[0]]
    return [indices[round(i * (len(indices) - 1) / (count - 1))] for i in range(count)]


def write_ids(model, texts):
    rows = [fed_ids(model, text) for text in texts]
    assert max(map(len, rows)) == MAX_TOKENS
    dump_lines(HERE / "minilm_ids.json", rows)


def write_offsets(tok, texts):
    chosen = sorted({i for name, members in group_indices().items() if name in OFFSETS_PER_GROUP for i in spread(members, OFFSETS_PER_GROUP[name])})
    assert len(chosen) == 60, len(chosen)
    rows = []
    for i in chosen:
        enc = tok.encode(texts[i])
        rows.append({"text": i, "ids": enc.ids, "tokens": enc.tokens, "offsets": [list(span) for span in enc.offsets]})
    dump_lines(HERE / "minilm_offsets.json", rows)


def encode_alone(model, texts):
    """float32 [n_texts, dimensions]: each text in a batch of its own."""
    return np.stack([model.encode([text], batch_size=1, convert_to_numpy=True, show_progress_bar=False)[0] for text in texts])


def write_vectors(model, texts):
    vectors = encode_alone(model, texts)
    assert vectors.dtype == np.float32 and vectors.shape == (len(texts), DIMENSIONS) and np.isfinite(vectors).all()
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-6)
    np.save(HERE / "minilm_vectors.npy", vectors)


def codepoint_texts(block):
    """The texts of one block: for every code point c of 256*block .. 256*block+255, surrogates left out, three texts."""
    out = []
    for cp in range(256 * block, 256 * block + 256):
        if not 0xD800 <= cp <= 0xDFFF:
            c = chr(cp)
            out += [c, "a" + c + "b", "e" + c + c + " z"]
    return out


def write_codepoints(tok, plain):
    """Digests of 4352 blocks; a block of surrogates holds the digest of no data."""
    end = np.array([0xFFFFFFFF], dtype="<u4").tobytes()  # follows each text's ids, so that no two splits look alike
    digests = []
    for block in range(0x110000 // 256):
        texts = codepoint_texts(block)
        rows = [enc.ids for enc in tok.encode_batch_fast(texts)]
        assert rows == [enc.ids for enc in plain.encode_batch_fast(texts)], f"tokenizer.json differs in block {block}"
        data = b"".join(np.array(ids, dtype="<u4").tobytes() + end for ids in rows)
        digests.append(xxhash.xxh3_64_hexdigest(data, seed=0))
    head = {
        "tokenizers": tokenizers.__version__,
        "transformers": transformers.__version__,
        "sentence_transformers": sentence_transformers.__version__,
        "what": "block b: XXH3-64 (seed 0) over code points c = 256b..256b+255 (no surrogates) and the texts c, a+c+b, e+c+c+' z': ids with specials, untruncated, as uint32 LE, each text followed by ffffffff",
    }
    lines = ",\n".join(json.dumps(d) for d in digests)
    body = json.dumps(head, indent=1)[:-2] + ',\n "blocks": [\n' + lines + "\n ]\n}\n"
    json.loads(body)
    (HERE / "minilm_codepoints.json").write_text(body, encoding="ascii", newline="\n")


def open_all(folder, max_tokens):
    """All texts, the reference, and its two untruncated tokenizers, which agree on the texts."""
    texts = json.loads((HERE / "texts.json").read_text(encoding="ascii"))
    model = load_model(folder)
    assert model.max_seq_length == max_tokens
    tok, plain = untruncated_tokenizer(model, folder)
    for text in texts:
        assert tok.encode(text).ids == plain.encode(text).ids, text
    return texts, model, tok, plain


def main():
    folder = pathlib.Path(sys.argv[1])
    parts = set(sys.argv[2:]) or {"ids", "offsets", "vectors", "codepoints"}
    texts, model, tok, plain = open_all(folder, MAX_TOKENS)
    if "ids" in parts:
        write_ids(model, texts)
    if "offsets" in parts:
        write_offsets(tok, texts)
    if "vectors" in parts:
        write_vectors(model, texts)
    if "codepoints" in parts:
        write_codepoints(tok, plain)


if __name__ == "__main__":
    main()
