#!/usr/bin/env python3
"""Writes damaged copies of one small good model folder, each with a single fault, and a list of what must be said of it.

    make_damaged.py GOOD_FOLDER OUTPUT_FOLDER

OUTPUT_FOLDER/<name>/ is the damaged model; OUTPUT_FOLDER/expected.json is
[{"name", "must_name": words that the one error line must contain, "when": "open" or "embed"}, ...]. GOOD_FOLDER is a BERT
folder such as tests/golden/tiny/bert-mean-norm. Nothing but the standard library is needed.
"""
import json
import os
import pathlib
import shutil
import struct
import sys

FILES = ["config.json", "modules.json", "sentence_bert_config.json", "tokenizer_config.json", "tokenizer.json",
         "model.safetensors", "1_Pooling/config.json"]
DAMAGES = []  # (name, words, when, function of a Folder)


def register(damages, *row):
    """Puts the row, and behind it the function that does the damage, on the list."""
    def keep(function):
        damages.append((*row, function))
        return function
    return keep


def damage(name, *words, when="open"):
    """Registers a function that does the damage. Words starting with a file's name come first."""
    return register(DAMAGES, name, list(words), when)


class Folder:
    def __init__(self, path):
        self.path = path

    def __truediv__(self, name):
        return self.path / name

    def edit(self, name, change):
        """change() alters the parsed JSON in place, or gives a new document."""
        doc = json.loads((self / name).read_text())
        changed = change(doc)
        (self / name).write_text(json.dumps(doc if changed is None else changed))

    def set(self, name, **fields):
        self.edit(name, lambda doc: doc.update(fields))

    def drop(self, name, field):
        self.edit(name, lambda doc: doc.pop(field) and None)

    def weights(self):
        blob = (self / "model.safetensors").read_bytes()
        n = struct.unpack("<Q", blob[:8])[0]
        return json.loads(blob[8:8 + n]), blob[8 + n:]

    def write_weights(self, header, data):
        text = header if isinstance(header, bytes) else json.dumps(header).encode()
        (self / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)

    def edit_header(self, change):
        header, data = self.weights()
        changed = change(header)
        self.write_weights(header if changed is None else changed, data)

    def rebuild(self, change):
        """change() alters {name: [dtype, shape, bytes]}; the file is written sound again around it."""
        header, data = self.weights()
        tensors = {k: [v["dtype"], v["shape"], data[slice(*v["data_offsets"])]]
                   for k, v in header.items() if k != "__metadata__"}
        change(tensors)
        header, blob = {}, b""
        for name, (dtype, shape, values) in tensors.items():
            header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(blob), len(blob) + len(values)]}
            blob += values
        self.write_weights(header, blob)


QUERY = "encoder.layer.0.attention.self.query.weight"
WORDS = "embeddings.word_embeddings.weight"
WEIGHTS, CONFIG, TOKENIZER, POOLING = "model.safetensors", "config.json", "tokenizer.json", "1_Pooling/config.json"


# The weights' container

@damage("weights-empty", WEIGHTS, "0 bytes")
def _(f): (f / WEIGHTS).write_bytes(b"")


@damage("weights-seven-bytes", WEIGHTS, "7 bytes")
def _(f): (f / WEIGHTS).write_bytes(b"\0" * 7)


@damage("weights-cut-in-header", WEIGHTS, "header", "cut off")
def _(f): (f / WEIGHTS).write_bytes((f / WEIGHTS).read_bytes()[:500])


@damage("weights-cut-in-data", WEIGHTS, "tensor", "cut off")
def _(f): (f / WEIGHTS).write_bytes((f / WEIGHTS).read_bytes()[:-4])


@damage("weights-trailing-bytes", WEIGHTS, "follow the last tensor")
def _(f): (f / WEIGHTS).write_bytes((f / WEIGHTS).read_bytes() + b"more")


@damage("weights-header-length-huge", WEIGHTS, "header length")
def _(f): (f / WEIGHTS).write_bytes(b"\xff" * 8 + (f / WEIGHTS).read_bytes()[8:])


@damage("weights-header-99-megabytes", WEIGHTS, "header")
def _(f):
    with open(f / WEIGHTS, "wb") as out:  # as long as it claims, and nothing in it
        out.write(struct.pack("<Q", 99_000_000))
        out.truncate(8 + 99_000_000)


@damage("weights-header-many-values", WEIGHTS, "header", "too many values")
def _(f): f.write_weights(b'{"a":[' + b"[]," * 5_000_000 + b"[]]}", b"")


@damage("weights-header-no-json", WEIGHTS, "header", "line 1")
def _(f):
    header, data = f.weights()
    f.write_weights(json.dumps(header).encode()[:-1], data)


@damage("weights-header-array", WEIGHTS, "header", "{")
def _(f): f.write_weights(b"[]", b"")


@damage("weights-tensor-twice", WEIGHTS, "header", "second time")
def _(f):
    header, data = f.weights()
    text = json.dumps(header).encode()
    f.write_weights(text[:-1] + b', "' + QUERY.encode() + b'": ' + json.dumps(header[QUERY]).encode() + b"}", data)


@damage("weights-unknown-dtype", WEIGHTS, QUERY, "F31")
def _(f): f.edit_header(lambda h: h[QUERY].update(dtype="F31"))


@damage("weights-float8", WEIGHTS, QUERY, "F8_E4M3")
def _(f): f.edit_header(lambda h: h[QUERY].update(dtype="F8_E4M3"))


@damage("weights-overlap", WEIGHTS, "overlaps")
def _(f):
    def change(h):
        (a, b), n = h[QUERY]["data_offsets"], 4
        h[QUERY]["data_offsets"] = [a - n, b - n] if a else [a + n, b + n]
    f.edit_header(change)


@damage("weights-gap", WEIGHTS, "gap")
def _(f):
    header, data = f.weights()
    cut = max(v["data_offsets"][0] for k, v in header.items() if k != "__metadata__")
    for name, entry in header.items():
        if name != "__metadata__" and entry["data_offsets"][0] == cut:
            entry["data_offsets"] = [x + 8 for x in entry["data_offsets"]]
    f.write_weights(header, data[:cut] + b"\0" * 8 + data[cut:])


@damage("weights-size-contradicts-shape", WEIGHTS, QUERY, "span")
def _(f): f.edit_header(lambda h: h[QUERY]["shape"].append(2))


@damage("weights-shape-overflows", WEIGHTS, QUERY, "overflow")
def _(f): f.edit_header(lambda h: h[QUERY].update(shape=[1 << 40, 1 << 40]))


@damage("weights-shape-negative", WEIGHTS, QUERY, "dimension 0")
def _(f): f.edit_header(lambda h: h[QUERY].update(shape=[-36, -36]))


@damage("weights-offsets-backwards", WEIGHTS, QUERY, "end before")
def _(f): f.edit_header(lambda h: h[QUERY]["data_offsets"].reverse())


@damage("weights-folder", WEIGHTS, "not a regular file")
def _(f):
    (f / WEIGHTS).unlink()
    (f / WEIGHTS).mkdir()


@damage("weights-fifo", WEIGHTS, "not a regular file")
def _(f):
    (f / WEIGHTS).unlink()
    os.mkfifo(f / WEIGHTS)


@damage("weights-missing", WEIGHTS, "missing")
def _(f): (f / WEIGHTS).unlink()


@damage("weights-pickle-only", "pytorch_model.bin", "convert")
def _(f): (f / WEIGHTS).rename(f / "pytorch_model.bin")


INDEX, SHARD = "model.safetensors.index.json", "model-00001-of-00001.safetensors"


def shard(f, change=lambda weight_map: None):
    """The weights as one shard and an index, whose weight_map is then changed."""
    weight_map = {name: SHARD for name in f.weights()[0] if name != "__metadata__"}
    (f / WEIGHTS).rename(f / SHARD)
    change(weight_map)
    (f / INDEX).write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))


@damage("shards-none", INDEX, "weight_map")
def _(f): shard(f, lambda m: m.clear())


@damage("shards-index-cut-off", INDEX, "line 1")
def _(f):
    shard(f)
    (f / INDEX).write_bytes((f / INDEX).read_bytes()[:100])


@damage("shards-one-missing", "model-00002-of-00002.safetensors", "missing", QUERY)
def _(f): shard(f, lambda m: m.update({QUERY: "model-00002-of-00002.safetensors"}))


@damage("shards-path-up", INDEX, QUERY, "leaves")
def _(f): shard(f, lambda m: m.update({QUERY: "../" + SHARD}))


@damage("shards-path-absolute", INDEX, QUERY, "leaves")
def _(f): shard(f, lambda m: m.update({QUERY: "/etc/passwd"}))


@damage("shards-tensor-absent", SHARD, "elderberry", "missing")
def _(f): shard(f, lambda m: m.update(elderberry=SHARD))


@damage("shards-tensor-twice", "second.safetensors", "lies in", SHARD)
def _(f):
    shard(f, lambda m: m.update({QUERY: "second.safetensors"}))
    shutil.copyfile(f / SHARD, f / "second.safetensors")


@damage("shards-tensor-misshapen", SHARD, QUERY, "shape")
def _(f):
    f.rebuild(lambda t: t[QUERY].__setitem__(1, [t[QUERY][1][0] * 2, t[QUERY][1][1] // 2]))
    shard(f)


@damage("shards-file-string", INDEX, QUERY, "string")
def _(f): shard(f, lambda m: m.update({QUERY: 7}))


# The weights themselves

@damage("tensor-missing", WEIGHTS, QUERY, "missing")
def _(f): f.rebuild(lambda t: t.pop(QUERY))


@damage("tensor-misshapen", WEIGHTS, QUERY, "shape")
def _(f): f.rebuild(lambda t: t[QUERY].__setitem__(1, [t[QUERY][1][0] * 2, t[QUERY][1][1] // 2]))


@damage("tensor-flat", WEIGHTS, QUERY, "shape")
def _(f): f.rebuild(lambda t: t[QUERY].__setitem__(1, [t[QUERY][1][0] * t[QUERY][1][1]]))


@damage("tensor-integers", WEIGHTS, QUERY, "I32")
def _(f): f.rebuild(lambda t: t[QUERY].__setitem__(0, "I32"))


@damage("tensor-nan", WEIGHTS, QUERY, "NaN")
def _(f):
    f.rebuild(lambda t: t[QUERY].__setitem__(2, struct.pack("<f", float("nan")) + t[QUERY][2][4:]))


@damage("tensor-infinity", WEIGHTS, "encoder.layer.1.output.LayerNorm.weight", "NaN or infinity")
def _(f):
    def change(t):
        entry = t["encoder.layer.1.output.LayerNorm.weight"]
        entry[2] = entry[2][:-4] + struct.pack("<f", float("-inf"))
    f.rebuild(change)


@damage("embeddings-nan", when="embed")
def _(f):
    def change(t):  # in every row, so that any text meets it
        dtype, (rows, width), values = t[WORDS]
        nan = struct.pack("<f", float("nan"))
        t[WORDS][2] = b"".join(nan + values[i * width * 4 + 4:(i + 1) * width * 4] for i in range(rows))
    f.rebuild(change)


# config.json

@damage("config-missing", CONFIG)
def _(f): (f / CONFIG).unlink()


@damage("config-empty", CONFIG, "empty")
def _(f): (f / CONFIG).write_text("")


@damage("config-no-json", CONFIG, "line 2")
def _(f): (f / CONFIG).write_text('{"model_type": "bert",\n "hidden_size": 36,}')


@damage("config-byte-order-mark", CONFIG, "byte order mark")
def _(f): (f / CONFIG).write_bytes(b"\xef\xbb\xbf" + (f / CONFIG).read_bytes())


@damage("config-latin-1", CONFIG, "UTF-8")
def _(f): (f / CONFIG).write_bytes(b'{"model_type": "b\xe9rt"}')


@damage("config-array", CONFIG, "array")
def _(f): (f / CONFIG).write_text("[]")


@damage("config-key-twice", CONFIG, "second time")
def _(f): (f / CONFIG).write_text('{"model_type": "bert", "hidden_size": 36, "hidden_size": 48}')


@damage("config-nested-deeply", CONFIG, "nested")
def _(f): (f / CONFIG).write_text('{"a": ' + "[" * 100_000)


@damage("config-binary", CONFIG)
def _(f): (f / CONFIG).write_bytes(bytes(range(256)) * 16)


@damage("config-unknown-architecture", CONFIG, "elderberry")
def _(f): f.set(CONFIG, model_type="elderberry")


for field in ["model_type", "hidden_size", "num_attention_heads", "num_hidden_layers", "intermediate_size", "vocab_size"]:
    damage(f"config-without-{field}", CONFIG, field)(lambda f, field=field: f.drop(CONFIG, field))


@damage("config-hidden-not-divisible", CONFIG, "hidden_size", "num_attention_heads")
def _(f): f.set(CONFIG, num_attention_heads=7)


@damage("config-hidden-absurd", CONFIG, "hidden_size")
def _(f):
    f.set(CONFIG, hidden_size=1 << 31)
    f.set(POOLING, word_embedding_dimension=1 << 20)


@damage("config-layers-zero", CONFIG, "num_hidden_layers", "is 0")
def _(f): f.set(CONFIG, num_hidden_layers=0)


@damage("config-layers-absurd", "num_hidden_layers")
def _(f): f.set(CONFIG, num_hidden_layers=1 << 40)


@damage("config-one-layer-too-many", WEIGHTS, "encoder.layer.2.", "missing")
def _(f): f.set(CONFIG, num_hidden_layers=3)


@damage("config-heads-negative", CONFIG, "num_attention_heads", "-3")
def _(f): f.set(CONFIG, num_attention_heads=-3)


@damage("config-hidden-string", CONFIG, "hidden_size", "string")
def _(f): f.set(CONFIG, hidden_size="36")


@damage("config-hidden-real", CONFIG, "hidden_size", "real")
def _(f): f.set(CONFIG, hidden_size=36.0)


@damage("config-activation-unknown", CONFIG, "hidden_act", "swooosh")
def _(f): f.set(CONFIG, hidden_act="swooosh")


@damage("config-vocabulary-too-large", WEIGHTS, WORDS, "shape")
def _(f): f.edit(CONFIG, lambda c: c.update(vocab_size=c["vocab_size"] + 1))


@damage("config-vocabulary-too-small", "word_embeddings")
def _(f): f.edit(CONFIG, lambda c: c.update(vocab_size=c["vocab_size"] - 1))


# The tokenizer

@damage("tokenizer-missing", TOKENIZER, "missing")
def _(f): (f / TOKENIZER).unlink()


@damage("tokenizer-empty", TOKENIZER, "empty")
def _(f): (f / TOKENIZER).write_text("")


@damage("tokenizer-cut-off", TOKENIZER, "line")
def _(f): (f / TOKENIZER).write_bytes((f / TOKENIZER).read_bytes()[:2000])


@damage("tokenizer-no-model", TOKENIZER, "model")
def _(f): f.drop(TOKENIZER, "model")


@damage("tokenizer-model-unknown", TOKENIZER, "NoPiece")
def _(f): f.edit(TOKENIZER, lambda t: t["model"].update(type="NoPiece"))


@damage("tokenizer-id-twice", TOKENIZER, "vocab", "both have id")
def _(f):
    def change(t):
        words = sorted(t["model"]["vocab"], key=t["model"]["vocab"].get)
        t["model"]["vocab"][words[100]] = t["model"]["vocab"][words[101]]
    f.edit(TOKENIZER, change)


@damage("tokenizer-id-string", TOKENIZER, "vocab", "string")
def _(f):
    def change(t):
        words = sorted(t["model"]["vocab"], key=t["model"]["vocab"].get)
        t["model"]["vocab"][words[100]] = "100"
    f.edit(TOKENIZER, change)


@damage("tokenizer-id-beyond-embeddings", "ids up to", "word embeddings")
def _(f): f.edit(TOKENIZER, lambda t: t["model"]["vocab"].update(elderberry=len(t["model"]["vocab"]) + 5))


@damage("tokenizer-id-absurd", TOKENIZER)
def _(f): f.edit(TOKENIZER, lambda t: t["model"]["vocab"].update(elderberry=1 << 62))


@damage("tokenizer-unknown-token-missing", TOKENIZER, "unk_token")
def _(f): f.edit(TOKENIZER, lambda t: t["model"].update(unk_token="[ELDERBERRY]"))


@damage("tokenizer-normalizer-unknown", TOKENIZER, "normalizer", "Elder")
def _(f):
    f.set("tokenizer_config.json", tokenizer_class="PreTrainedTokenizerFast")  # BertTokenizer makes its own normalizer
    f.edit(TOKENIZER, lambda t: t.update(normalizer={"type": "Elder"}))


# Modules and settings

@damage("modules-no-json", "modules.json", "line")
def _(f): (f / "modules.json").write_text("[{")


@damage("modules-empty", "modules.json")
def _(f): (f / "modules.json").write_text("[]")


@damage("modules-missing", "modules.json", "1_Pooling")
def _(f): (f / "modules.json").unlink()


@damage("modules-unknown-type", "modules.json", "sentence_transformers.models.Elderberry")
def _(f): f.edit("modules.json", lambda m: m[1].update(type="sentence_transformers.models.Elderberry"))


@damage("modules-foreign-code", "modules.json", "my_code.Pooling")
def _(f): f.edit("modules.json", lambda m: m[1].update(type="my_code.Pooling"))


@damage("modules-path-up", "modules.json", "leaves")
def _(f): f.edit("modules.json", lambda m: m[1].update(path="../1_Pooling"))


@damage("modules-path-absolute", "modules.json", "leaves")
def _(f): f.edit("modules.json", lambda m: m[1].update(path="/etc"))


@damage("modules-order", "modules.json", "order")
def _(f): f.edit("modules.json", lambda m: [m[1], m[0]])


@damage("pooling-missing", POOLING)
def _(f): (f / POOLING).unlink()


@damage("pooling-dimension-wrong", "word_embedding_dimension", "hidden_size")
def _(f): f.edit(POOLING, lambda p: p.update(word_embedding_dimension=p["word_embedding_dimension"] + 1))


@damage("pooling-mode-unknown", POOLING, "elderberry")
def _(f): f.set(POOLING, pooling_mode="elderberry")


@damage("pooling-flag-string", POOLING, "pooling_mode_mean_tokens")
def _(f): f.set(POOLING, pooling_mode_mean_tokens="false")


DENSE, NORM, PIPELINE = "2_Dense/config.json", "2_LayerNorm/config.json", "config_sentence_transformers.json"


def insert_module(f, kind, config, tensors):
    """A sound module between pooling and Normalize, at the end of the list of names; tensors: {name: shape} of F32."""
    path = f"2_{kind}"
    (f / path).mkdir()
    (f / path / "config.json").write_text(json.dumps(config))
    header, n = {}, 0
    for name, shape in tensors.items():
        size = 4 * (shape[0] * shape[1] if len(shape) == 2 else shape[0])
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [n, n + size]}
        n += size
    text = json.dumps(header).encode()
    (f / path / WEIGHTS).write_bytes(struct.pack("<Q", len(text)) + text + struct.pack("<f", 0.5) * (n // 4))
    f.edit("modules.json", lambda m: m.insert(2, {"name": path, "path": path, "type": f"sentence_transformers.models.{kind}"}))


def insert_dense(f, shape=(5, 36), bias=5, **config):
    tensors = {"linear.weight": list(shape)} | ({"linear.bias": [bias]} if bias else {})
    insert_module(f, "Dense", {"in_features": 36, "out_features": 5} | config, tensors)


@damage("dense-config-missing", DENSE)
def _(f):
    insert_dense(f)
    (f / DENSE).unlink()


@damage("dense-width-contradicts", DENSE, "in_features", "35", "36")
def _(f): insert_dense(f, in_features=35)


@damage("dense-width-absurd", DENSE, "out_features")
def _(f): insert_dense(f, out_features=1 << 40)


@damage("dense-activation-unknown", DENSE, "torch.nn.modules.activation.Elder")
def _(f): insert_dense(f, activation_function="torch.nn.modules.activation.Elder")


@damage("dense-residual", DENSE, "use_residual")
def _(f): insert_dense(f, use_residual=True)


@damage("dense-on-tokens", DENSE, "module_input_name")
def _(f): insert_dense(f, module_input_name="token_embeddings")


@damage("dense-weights-missing", "2_Dense/model.safetensors", "missing")
def _(f):
    insert_dense(f)
    (f / "2_Dense" / WEIGHTS).unlink()


@damage("dense-pickle-only", "2_Dense/pytorch_model.bin", "convert")
def _(f):
    insert_dense(f)
    (f / "2_Dense" / WEIGHTS).rename(f / "2_Dense/pytorch_model.bin")


@damage("dense-weights-cut-off", "2_Dense/model.safetensors", "cut off")
def _(f):
    insert_dense(f)
    (f / "2_Dense" / WEIGHTS).write_bytes((f / "2_Dense" / WEIGHTS).read_bytes()[:-4])


@damage("dense-misshapen", "2_Dense/model.safetensors", "linear.weight", "shape")
def _(f): insert_dense(f, shape=(36, 5))


@damage("dense-bias-missing", "2_Dense/model.safetensors", "linear.bias", "missing")
def _(f): insert_dense(f, bias=0)


@damage("dense-bias-too-much", "2_Dense/model.safetensors", "2 tensors")
def _(f):
    insert_dense(f)
    f.set(DENSE, bias=False)


@damage("dense-nan", "2_Dense/model.safetensors", "linear.weight", "NaN")
def _(f):
    insert_dense(f)
    blob = (f / "2_Dense" / WEIGHTS).read_bytes()
    at = len(blob) - 4 * (5 * 36 + 5)
    (f / "2_Dense" / WEIGHTS).write_bytes(blob[:at] + struct.pack("<f", float("nan")) + blob[at + 4:])


@damage("layer-norm-width-contradicts", NORM, "dimension", "37")
def _(f): insert_module(f, "LayerNorm", {"dimension": 37}, {"norm.weight": [37], "norm.bias": [37]})


@damage("layer-norm-bias-missing", "2_LayerNorm/model.safetensors", "norm.bias", "missing")
def _(f): insert_module(f, "LayerNorm", {"dimension": 36}, {"norm.weight": [36]})


@damage("prompts-array", PIPELINE, "prompts")
def _(f): (f / PIPELINE).write_text('{"prompts": ["query: "]}')


@damage("prompts-number", PIPELINE, "elderberry", "integer")
def _(f): (f / PIPELINE).write_text('{"prompts": {"elderberry": 7}}')


@damage("prompts-default-unknown", PIPELINE, "default_prompt_name")
def _(f): (f / PIPELINE).write_text('{"prompts": {"query": "query: "}, "default_prompt_name": "elderberry"}')


@damage("truncate-dim-too-large", PIPELINE, "truncate_dim", "37", "36")
def _(f): (f / PIPELINE).write_text('{"truncate_dim": 37}')


@damage("truncate-dim-zero", PIPELINE, "truncate_dim")
def _(f): (f / PIPELINE).write_text('{"truncate_dim": 0}')


@damage("truncate-dim-string", PIPELINE, "truncate_dim", "string")
def _(f): (f / PIPELINE).write_text('{"truncate_dim": "36"}')


@damage("max-length-zero", "sentence_bert_config.json", "max_seq_length")
def _(f): f.set("sentence_bert_config.json", max_seq_length=0)


@damage("max-length-string", "sentence_bert_config.json", "max_seq_length")
def _(f): f.set("sentence_bert_config.json", max_seq_length="256")


@damage("pipeline-sparse", "config_sentence_transformers.json", "SparseEncoder")
def _(f): (f / "config_sentence_transformers.json").write_text('{"model_type": "SparseEncoder"}')


def two_folders(usage):
    if len(sys.argv) != 3:
        sys.exit(usage)
    return map(pathlib.Path, sys.argv[1:])


def finish(output, expected):
    assert len({e["name"] for e in expected}) == len(expected)
    (output / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")
    print(f"{len(expected)} damaged folders in {output}")


def main():
    good, output = two_folders(__doc__)
    expected = []
    for name, words, when, function in DAMAGES:
        folder = output / name
        for file in FILES:
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(good / file, folder / file)
        function(Folder(folder))
        expected.append({"name": name, "must_name": words, "when": when})
    finish(output, expected)


if __name__ == "__main__":
    main()
