#!/usr/bin/env python3
"""Writes damaged copies of the small folders of all families, each with a single fault, and a list of what must be said of it.

    make_damaged_families.py FAMILIES_FOLDER OUTPUT_FOLDER

FAMILIES_FOLDER is tests/golden/families. OUTPUT_FOLDER/<name>/ is the damaged model; OUTPUT_FOLDER/expected.json is as
make_damaged.py writes it, and "when" is "open" (vecd show refuses), "embed" (a text is needed, "text" if it must be a special
one) or "quick" (refused or not, but in time). Nothing but the standard library is needed.
"""
import base64
import json
import shutil
import struct

from make_damaged import CONFIG, INDEX, TOKENIZER, WEIGHTS, Folder, finish, register, two_folders

DAMAGES = []  # (name, folder it starts from, words, when, text, function of a Folder)
MODULES = "modules.json"


def damage(name, good, *words, when="open", text="hello"):
    """Registers a function that does the damage to a copy of the folder `good`."""
    return register(DAMAGES, name, good, list(words), when, text)


# config.json: what a field is set to, and the words that must be said of it. DROP takes it out; a raw text is put in as it is.

DROP = object()


def set_config(folder, field, value):
    if value is DROP:
        folder.drop(CONFIG, field)
    else:
        folder.set(CONFIG, **{field: value})


NAN, INFINITY = float("nan"), float("inf")
SIZES = {"zero": 0, "negative": -1, "huge": 1 << 31, "beyond-64-bits": 10**30, "text": "2", "real": 2.5, "array": [2],
         "missing": DROP}
SIZE_FIELDS = {
    "distilbert-base": ["n_layers", "dim", "n_heads", "hidden_dim"],
    "gemma3-base": ["num_hidden_layers", "num_attention_heads"],
    "modernbert-mean": ["num_hidden_layers", "intermediate_size"],
    "mpnet-base": ["num_attention_heads", "vocab_size"],
    "new-multilingual": ["hidden_size", "intermediate_size"],
    "nomic-base": ["n_layer", "n_embd", "n_head", "n_inner"],
    "qwen3-base": ["num_hidden_layers", "hidden_size", "num_attention_heads", "intermediate_size"],
    "xlm-roberta-base": ["hidden_size", "vocab_size"],
    "t5-relu": ["num_layers", "d_model", "num_heads", "d_ff", "vocab_size"],
}
for family, fields in SIZE_FIELDS.items():
    for i, (kind, wrong) in enumerate(SIZES.items()):
        field = fields[i % len(fields)]
        damage(f"{family}-{field}-{kind}", family, CONFIG, field)(lambda f, k=field, v=wrong: set_config(f, k, v))

# Each (folder, field, value, words...).
FAULTS = [
    ("distilbert-base", "activation", "swooosh", CONFIG, "swooosh"),
    ("distilbert-base", "activation", 7, CONFIG, "activation", "integer"),
    ("distilbert-base", "n_heads", 5, CONFIG, "n_heads"),
    ("distilbert-base", "n_layers", 3, WEIGHTS, "transformer.layer.2.", "missing"),
    ("distilbert-base", "hidden_dim", 88, WEIGHTS, "ffn.lin1.weight", "shape"),
    ("distilbert-base", "max_position_embeddings", 49, WEIGHTS, "position_embeddings", "shape"),
    ("distilbert-base", "max_position_embeddings", 0, CONFIG, "max_position_embeddings"),
    ("distilbert-base", "vocab_size", 1 << 24, WEIGHTS, "word_embeddings", "shape"),
    ("roberta-base", "pad_token_id", 49, CONFIG, "positions"),
    ("roberta-base", "pad_token_id", -1, CONFIG, "pad_token_id"),
    ("roberta-base", "pad_token_id", 1 << 20, CONFIG, "positions"),
    ("roberta-base", "max_position_embeddings", 2, "positions"),
    ("roberta-base", "max_position_embeddings", 514, WEIGHTS, "position_embeddings", "shape"),
    ("roberta-base", "position_embedding_type", "relative_key", CONFIG, "relative_key"),
    ("roberta-base", "is_decoder", True, CONFIG, "is_decoder"),
    ("roberta-base", "layer_norm_eps", NAN, CONFIG),
    ("roberta-base", "layer_norm_eps", INFINITY, CONFIG),
    ("roberta-base", "layer_norm_eps", -1e-5, CONFIG, "layer_norm_eps"),
    ("xlm-roberta-base", "type_vocab_size", 2, WEIGHTS, "token_type", "shape"),
    ("xlm-roberta-base", "type_vocab_size", 0, CONFIG, "type_vocab_size"),
    ("camembert-base", "model_type", "camenbert", CONFIG, "camenbert"),
    ("camembert-base", "intermediate_size", 88, WEIGHTS, "intermediate.dense.weight", "shape"),
    ("mpnet-base", "relative_attention_num_buckets", 0, CONFIG, "relative_attention_num_buckets"),
    ("mpnet-base", "relative_attention_num_buckets", 1, CONFIG, "relative_attention_num_buckets"),
    ("mpnet-base", "relative_attention_num_buckets", 31, CONFIG, "relative_attention_num_buckets"),
    ("mpnet-base", "num_attention_heads", 8, WEIGHTS, "relative_attention_bias", "shape"),
    ("mpnet-base", "max_position_embeddings", 1, CONFIG, "positions"),
    ("t5-relu", "relative_attention_num_buckets", 0, CONFIG, "relative_attention_num_buckets"),
    ("t5-relu", "relative_attention_num_buckets", 1, CONFIG, "relative_attention_num_buckets"),
    ("t5-relu", "relative_attention_num_buckets", 33, CONFIG, "buckets"),
    ("t5-relu", "relative_attention_num_buckets", 64, WEIGHTS, "relative_attention_bias", "shape"),
    ("t5-relu", "relative_attention_max_distance", 8, CONFIG, "buckets"),
    ("t5-relu", "relative_attention_max_distance", 0, CONFIG, "relative_attention_max_distance"),
    ("t5-relu", "d_kv", 16, WEIGHTS, "SelfAttention.q.weight", "shape"),
    ("t5-relu", "d_kv", 0, CONFIG, "d_kv"),
    ("t5-relu", "num_layers", 3, WEIGHTS, "encoder.block.2.", "missing"),
    ("t5-relu", "feed_forward_proj", "gated-gelu", WEIGHTS, "DenseReluDense.wi_", "missing"),
    ("t5-relu", "feed_forward_proj", "gated-", CONFIG, "gated-"),
    ("t5-relu", "feed_forward_proj", "swooosh", CONFIG, "swooosh"),
    ("t5-gated-gelu", "is_gated_act", False, WEIGHTS, "DenseReluDense.wi", "missing"),
    ("t5-gated-gelu", "is_gated_act", "yes", CONFIG, "is_gated_act"),
    ("t5-gated-gelu", "d_ff", 88, WEIGHTS, "DenseReluDense.wi_", "shape"),
    ("modernbert-mean", "num_attention_heads", 7, CONFIG, "num_attention_heads"),
    ("modernbert-mean", "num_attention_heads", 10, CONFIG, "even head width"),
    ("modernbert-mean", "num_hidden_layers", 5, WEIGHTS, "layers.4.", "missing"),
    ("modernbert-mean", "intermediate_size", 56, WEIGHTS, "mlp.Wi", "shape"),
    ("modernbert-mean", "global_attn_every_n_layers", 0, CONFIG, "global_attn_every_n_layers"),
    ("modernbert-mean", "global_attn_every_n_layers", -3, CONFIG, "global_attn_every_n_layers"),
    ("modernbert-mean", "local_attention", 0, CONFIG, "local_attention"),
    ("modernbert-mean", "local_attention", 1, CONFIG, "local_attention"),
    ("modernbert-mean", "global_rope_theta", 0, CONFIG, "global_rope_theta"),
    ("modernbert-mean", "local_rope_theta", INFINITY, CONFIG),
    ("modernbert-mean", "attention_bias", True, WEIGHTS, "Wqkv.bias", "missing"),
    ("modernbert-mean", "norm_bias", True, WEIGHTS, "norm.bias", "missing"),
    ("modernbert-mean", "mlp_bias", "yes", CONFIG, "mlp_bias"),
    ("modernbert-biases", "attention_bias", False, WEIGHTS, "Wqkv.bias"),
    ("modernbert-biases", "mlp_bias", False, WEIGHTS, "mlp.Wi.bias"),
    ("modernbert-biases", "norm_bias", False, WEIGHTS, "norm.bias"),
    ("modernbert-saved", "layer_types", ["full_attention"], CONFIG, "layer_types"),
    ("modernbert-saved", "layer_types", ["full_attention"] * 3 + ["chunked_attention"], CONFIG, "chunked_attention"),
    ("modernbert-saved", "layer_types", ["full_attention"] * 3 + [7], CONFIG, "layer_types[3]"),
    ("modernbert-saved", "layer_types", {"0": "full_attention"}, CONFIG, "layer_types"),
    ("modernbert-saved", "rope_parameters", {"full_attention": {"rope_theta": 1e4, "rope_type": "yarn"}}, CONFIG, "yarn"),
    ("modernbert-saved", "rope_parameters", {"full_attention": 7, "sliding_attention": 7}, CONFIG, "full_attention"),
    ("modernbert-saved", "rope_parameters", "default", CONFIG, "rope_parameters"),
    ("new-multilingual", "rope_scaling", {"type": "ntk", "factor": 0}, CONFIG, "factor"),
    ("new-multilingual", "rope_scaling", {"type": "ntk", "factor": NAN}, CONFIG),
    ("new-multilingual", "rope_scaling", {"type": "dynamic", "factor": 2.0}, CONFIG, "dynamic"),
    ("new-multilingual", "rope_scaling", "ntk", CONFIG, "is string"),
    ("new-multilingual", "num_attention_heads", 32, CONFIG, "even head width"),
    ("new-multilingual", "position_embedding_type", "absolute", CONFIG, "absolute"),
    ("new-multilingual", "type_vocab_size", 2, WEIGHTS, "token_type", "shape"),
    ("new-multilingual", "logn_attention_scale", True, CONFIG, "logn_attention_scale"),
    ("new-saved", "rope_parameters", {"rope_type": "linear", "factor": -2, "rope_theta": 1e4}, CONFIG, "factor"),
    ("new-saved", "rope_parameters", [1], CONFIG, "rope_parameters"),
    ("nomic-base", "rotary_emb_fraction", 0.5, CONFIG, "rotary_emb_fraction"),
    ("nomic-base", "rotary_emb_base", -1, CONFIG, "rotary_emb_base"),
    ("nomic-base", "rotary_emb_interleaved", True, CONFIG, "rotary_emb_interleaved"),
    ("nomic-base", "qkv_proj_bias", True, WEIGHTS, "Wqkv.bias", "missing"),
    ("nomic-base", "n_inner", 512, WEIGHTS, "mlp.fc11", "shape"),
    ("nomic-base", "n_head", 16, CONFIG, "even head width"),
    ("nomic-base", "activation_function", "gelu", CONFIG, "gelu"),
    ("nomic-base", "vocab_size", 480, "480"),
    ("nomic-saved", "rope_parameters", {"rope_type": "llama3"}, CONFIG, "llama3"),
    ("nomic-saved", "head_dim", 6, WEIGHTS, "Wqkv", "shape"),
    ("nomic-base", "rotary_scaling_factor", 2.0, CONFIG, "rotary_scaling_factor"),
    ("nomic-base", "parallel_block", True, CONFIG, "parallel_block"),
    ("qwen3-base", "num_key_value_heads", 3, CONFIG, "key and value heads"),
    ("qwen3-base", "num_key_value_heads", 0, CONFIG, "num_key_value_heads"),
    ("qwen3-base", "num_key_value_heads", 4, WEIGHTS, "k_proj", "shape"),
    ("qwen3-base", "head_dim", 8, WEIGHTS, "q_proj", "shape"),
    ("qwen3-base", "head_dim", 13, CONFIG, "even head width"),
    ("qwen3-base", "head_dim", 1 << 20, CONFIG, "head_dim"),
    ("qwen3-base", "head_dim", DROP, WEIGHTS, "q_proj", "shape"),
    ("qwen3-base", "attention_bias", True, WEIGHTS, "q_proj.bias", "missing"),
    ("qwen3-bf16", "attention_bias", False, WEIGHTS, "q_proj.bias"),
    ("qwen3-base", "use_sliding_window", True, CONFIG, "use_sliding_window"),
    ("qwen3-base", "intermediate_size", 88, WEIGHTS, "mlp.", "shape"),
    ("qwen3-base", "vocab_size", 1 << 24, WEIGHTS, "embed_tokens", "shape"),
    ("qwen3-base", "rope_scaling", {"rope_type": "yarn", "factor": 4.0}, CONFIG, "yarn"),
    ("qwen3-base", "rope_scaling", ["yarn"], CONFIG, "rope_scaling"),
    ("qwen3-saved", "layer_types", ["full_attention", "sliding_attention"], CONFIG, "layer_types"),
    ("qwen3-saved", "layer_types", ["full_attention"], CONFIG, "layer_types"),
    ("gemma3-base", "sliding_window", 0, CONFIG, "sliding_window"),
    ("gemma3-base", "sliding_window", "16", CONFIG, "sliding_window"),
    ("gemma3-base", "query_pre_attn_scalar", 0, CONFIG, "query_pre_attn_scalar"),
    ("gemma3-base", "query_pre_attn_scalar", -INFINITY, CONFIG),
    ("gemma3-base", "layer_types", ["full_attention"] * 5, CONFIG, "layer_types"),
    ("gemma3-base", "num_key_value_heads", 2, CONFIG, "key and value heads"),
    ("gemma3-base", "head_dim", 12, WEIGHTS, "q_proj", "shape"),
    ("gemma3-base", "attn_logit_softcapping", 50.0, CONFIG, "attn_logit_softcapping"),
    ("gemma3-pattern", "sliding_window_pattern", 0, CONFIG, "sliding_window_pattern"),
    ("gemma3-saved", "rope_parameters", {"sliding_attention": {"rope_type": "linear", "factor": 8.0}}, CONFIG, "linear"),
]
for n, (family, field, wrong, *words) in enumerate(FAULTS):
    damage(f"{n:03}-{family}-{field}", family, *words)(lambda f, k=field, v=wrong: set_config(f, k, v))


# Tensors. Each (folder, tensor, words...): taken out, of another shape, of another type, with a NaN.

NANS = {"F32": struct.pack("<f", float("nan")), "F16": struct.pack("<H", 0x7E00), "BF16": struct.pack("<H", 0x7FC0)}


def put_nan(entry):
    nan = NANS[entry[0]]
    entry[2] = nan + entry[2][len(nan):]


def widen(entry):
    """One more row, of zeroes."""
    row = len(entry[2]) // entry[1][0]
    entry[1] = [entry[1][0] + 1, *entry[1][1:]]
    entry[2] += bytes(row)


def make_scalar(entry):
    entry[1:] = [[], entry[2][:len(NANS[entry[0]])]]


def make_integers(entry):
    entry[0] = {2: "I16", 4: "I32"}[len(NANS[entry[0]])]


TENSORS = {
    "camembert-base": ["embeddings.position_embeddings.weight", "embeddings.LayerNorm.weight"],
    "distilbert-base": ["transformer.layer.1.attention.k_lin.bias", "transformer.layer.0.sa_layer_norm.weight"],
    "gemma3-base": ["layers.1.self_attn.q_norm.weight", "layers.3.mlp.gate_proj.weight", "norm.weight",
                    "layers.0.pre_feedforward_layernorm.weight"],
    "modernbert-mean": ["model.layers.0.attn.Wqkv.weight", "model.layers.1.attn_norm.weight", "model.final_norm.weight"],
    "mpnet-base": ["encoder.relative_attention_bias.weight", "embeddings.position_embeddings.weight"],
    "new-multilingual": ["new.encoder.layer.0.attention.qkv_proj.weight", "new.encoder.layer.1.mlp.up_gate_proj.weight",
                         "new.embeddings.token_type_embeddings.weight"],
    "nomic-base": ["encoder.layers.0.attn.Wqkv.weight", "encoder.layers.1.mlp.fc12.weight",
                   "embeddings.token_type_embeddings.weight", "emb_ln.bias"],
    "qwen3-bf16": ["model.layers.0.self_attn.k_norm.weight", "model.layers.1.mlp.gate_proj.weight",
                   "model.layers.1.self_attn.v_proj.bias", "model.norm.weight"],
    "roberta-base": ["embeddings.token_type_embeddings.weight", "encoder.layer.0.attention.output.LayerNorm.bias"],
    "t5-gated-gelu": ["encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight",
                      "encoder.final_layer_norm.weight", "encoder.block.1.layer.1.DenseReluDense.wi_1.weight"],
    "xlm-roberta-base": ["encoder.layer.1.output.dense.weight", "embeddings.word_embeddings.weight"],
}
TENSOR_DAMAGES = {
    "missing": (lambda tensors, name: tensors.pop(name), ["missing"]),
    "a-row-more": (lambda tensors, name: widen(tensors[name]), ["shape"]),
    "scalar": (lambda tensors, name: make_scalar(tensors[name]), ["shape"]),
    "integers": (lambda tensors, name: make_integers(tensors[name]), ["type I"]),
    "nan": (lambda tensors, name: put_nan(tensors[name]), ["NaN"]),
}
for family, names in TENSORS.items():
    for tensor in names:
        for kind, (change, words) in TENSOR_DAMAGES.items():
            if tensor.endswith("word_embeddings.weight") and kind == "nan":
                continue  # not looked at before it is used
            damage(f"{family}-{tensor}-{kind}", family, WEIGHTS, tensor, *words)(
                lambda f, t=tensor, c=change: f.rebuild(lambda tensors: c(tensors, t)))


def nan_words(f, name):
    def change(tensors):
        dtype, (rows, width), values = tensors[name]
        nan, row = NANS[dtype], len(values) // rows
        tensors[name][2] = b"".join(nan + values[i * row + len(nan):(i + 1) * row] for i in range(rows))
    f.rebuild(change)


for family, table in [("gemma3-base", "embed_tokens.weight"), ("t5-relu", "shared.weight"),
                      ("nomic-bf16", "embeddings.word_embeddings.weight"),
                      ("modernbert-mean", "model.embeddings.tok_embeddings.weight")]:
    damage(f"{family}-words-nan", family, "NaN", "word embeddings", when="embed")(lambda f, t=table: nan_words(f, t))


def cut_words(f, table, n_rows):
    def change(tensors):
        _, (rows, width), values = tensors[table]
        tensors[table][1:] = [[n_rows, width], values[:len(values) // rows * n_rows]]
    f.rebuild(change)
    f.set(CONFIG, vocab_size=n_rows)


@damage("words-fewer-than-tokens", "roberta-base", "ids up to", "300 word embeddings")
def _(f): cut_words(f, "embeddings.word_embeddings.weight", 300)


# Weights in several files

def edit_map(f, change):
    f.edit(INDEX, lambda index: change(index["weight_map"]))


SHARD_TENSOR = "layers.0.mlp.gate_proj.weight"


@damage("shards-path-up", "qwen3-sharded", INDEX, "leaves")
def _(f): edit_map(f, lambda m: m.update({SHARD_TENSOR: "../qwen3-sharded/" + m[SHARD_TENSOR]}))


@damage("shards-path-up-within", "qwen3-sharded", INDEX, "leaves")
def _(f): edit_map(f, lambda m: m.update({SHARD_TENSOR: "1_Pooling/../../x/model.safetensors"}))


@damage("shards-one-gone", "qwen3-sharded", "model-00002-of-00003.safetensors", "missing")
def _(f): (f / "model-00002-of-00003.safetensors").unlink()


@damage("shards-one-cut-off", "qwen3-sharded", "model-00002-of-00003.safetensors", "cut off")
def _(f):
    path = f / "model-00002-of-00003.safetensors"
    path.write_bytes(path.read_bytes()[:-2])


@damage("shards-tensor-in-two", "qwen3-sharded", "more.safetensors", "lies in")
def _(f):
    edit_map(f, lambda m: m.update({SHARD_TENSOR: "more.safetensors"}))
    shutil.copyfile(f / "model-00001-of-00003.safetensors", f / "more.safetensors")


@damage("shards-map-names-other-file", "qwen3-sharded", SHARD_TENSOR, "model-00003-of-00003.safetensors")
def _(f): edit_map(f, lambda m: m.update({SHARD_TENSOR: "model-00003-of-00003.safetensors"}))


@damage("shards-index-is-shard", "qwen3-sharded", INDEX)
def _(f): edit_map(f, lambda m: m.update({SHARD_TENSOR: INDEX}))


# Modules

DENSE = "2_Dense/config.json"


def move_dense(f, **fields):
    f.set(DENSE, **fields)


@damage("dense-in-features-contradict", "gemma3-base", DENSE, "in_features", "25", "24")
def _(f): move_dense(f, in_features=25)


@damage("dense-out-features-contradict", "gemma3-base", "3_Dense/config.json", "in_features")
def _(f): move_dense(f, out_features=41)


@damage("dense-last-out-features-contradict", "t5-relu", "2_Dense/model.safetensors", "linear.weight", "shape")
def _(f): move_dense(f, out_features=77)


@damage("dense-activation-unknown", "gemma3-base", DENSE, "torch.nn.modules.activation.Mish")
def _(f): move_dense(f, activation_function="torch.nn.modules.activation.Mish")


@damage("dense-weights-missing", "t5-relu", "2_Dense/model.safetensors", "missing")
def _(f): (f / "2_Dense" / WEIGHTS).unlink()


@damage("dense-weights-are-the-model", "t5-relu", "2_Dense/model.safetensors")
def _(f): shutil.copyfile(f / WEIGHTS, f / "2_Dense" / WEIGHTS)


@damage("module-path-up", "gemma3-base", MODULES, "leaves")
def _(f): f.edit(MODULES, lambda m: m[2].update(path="../gemma3-base/2_Dense"))


@damage("module-path-up-within", "t5-relu", MODULES, "leaves")
def _(f): f.edit(MODULES, lambda m: m[2].update(path="1_Pooling/../../t5-relu/2_Dense"))


@damage("transformer-path-up", "qwen3-base", MODULES, "leaves")
def _(f): f.edit(MODULES, lambda m: m[0].update(path=".."))


@damage("two-poolings", "t5-relu", MODULES, "out of order")
def _(f): f.edit(MODULES, lambda m: m.insert(2, dict(m[1], idx=2, name="pooling-too")))


@damage("two-transformers", "qwen3-base", MODULES, "out of order")
def _(f): f.edit(MODULES, lambda m: m.insert(1, dict(m[0], idx=1, name="transformer-too")))


@damage("modules-of-one-name", "gemma3-base", MODULES, "name")
def _(f): f.edit(MODULES, lambda m: m[3].update(name=m[2]["name"]))


@damage("modules-thousand", "t5-relu", MODULES)
def _(f): f.edit(MODULES, lambda m: m.extend(dict(m[-1], name=f"more-{i}") for i in range(1000)))


@damage("pooling-width-contradicts", "nomic-base", "pooling", "17", "16")
def _(f): f.set("1_Pooling/config.json", word_embedding_dimension=17)


# Tokenizers

def edit_model(f, change):
    f.edit(TOKENIZER, lambda t: change(t["model"]))


def raw_score(f, text):
    edit_model(f, lambda m: m["vocab"][7].__setitem__(1, "@raw@"))
    (f / TOKENIZER).write_text((f / TOKENIZER).read_text().replace('"@raw@"', text))


UNIGRAM, BPE = "xlm-roberta-base", "qwen3-base"
for kind, text in [("nan", "NaN"), ("infinity", "-Infinity"), ("overflow", "1e999"), ("text", '"-1"'), ("null", "null")]:
    damage(f"unigram-score-{kind}", UNIGRAM, TOKENIZER)(lambda f, t=text: raw_score(f, t))


@damage("unigram-unk-out-of-range", UNIGRAM, TOKENIZER, "unk_id")
def _(f): edit_model(f, lambda m: m.update(unk_id=len(m["vocab"])))


@damage("unigram-unk-negative", UNIGRAM, TOKENIZER, "unk_id")
def _(f): edit_model(f, lambda m: m.update(unk_id=-1))


@damage("unigram-vocabulary-empty", UNIGRAM, TOKENIZER, "vocab is empty")
def _(f): edit_model(f, lambda m: m.update(vocab=[]))


@damage("unigram-vocabulary-object", UNIGRAM, TOKENIZER, "vocab", "object")
def _(f): edit_model(f, lambda m: m.update(vocab={"a": 0}))


@damage("unigram-entry-of-three", UNIGRAM, TOKENIZER, "vocab[9]")
def _(f): edit_model(f, lambda m: m["vocab"][9].append(0))


@damage("unigram-piece-twice", UNIGRAM, when="quick")  # as in the reference the last one counts
def _(f): edit_model(f, lambda m: m["vocab"].__setitem__(50, m["vocab"][51]))


@damage("unigram-beyond-table", "camembert-base", "341")
def _(f): edit_model(f, lambda m: m["vocab"].extend([f"elder{i}", -9.0] for i in range(400 - len(m["vocab"]))))


@damage("unigram-no-unknown", "t5-relu", when="embed", text="\U0001d11e\U00010330")
def _(f): edit_model(f, lambda m: m.update(unk_id=None))


@damage("bpe-merge-unknown", BPE, TOKENIZER, "merges[3]", "elder")
def _(f): edit_model(f, lambda m: m["merges"].__setitem__(3, ["elder", "berry"]))


@damage("bpe-merge-makes-unknown", BPE, TOKENIZER, "merges[3]", "not in vocab")
def _(f): edit_model(f, lambda m: m["merges"].__setitem__(3, ["!", "!"]))


@damage("bpe-merge-of-three", BPE, TOKENIZER, "merges[3]")
def _(f): edit_model(f, lambda m: m["merges"].__setitem__(3, ["a", "b", "c"]))


@damage("bpe-merge-mixed-forms", BPE, TOKENIZER, "merges[3]")
def _(f): edit_model(f, lambda m: m["merges"].__setitem__(3, "a b"))


@damage("bpe-merge-without-space", "gemma3-base", TOKENIZER, "merges[0]")
def _(f): edit_model(f, lambda m: m.update(merges=["ab"]))


@damage("bpe-merges-object", BPE, TOKENIZER, "merges", "object")
def _(f): edit_model(f, lambda m: m.update(merges={}))


@damage("bpe-merges-million", BPE, when="quick")
def _(f): edit_model(f, lambda m: m.update(merges=[m["merges"][0]] * 1_000_000))


@damage("bpe-vocabulary-empty", BPE, TOKENIZER, "vocab is empty")
def _(f): edit_model(f, lambda m: m.update(vocab={}, merges=[]))


@damage("bpe-vocabulary-hole-absurd", BPE, TOKENIZER, "elder", "out of range")
def _(f): edit_model(f, lambda m: m["vocab"].update(elder=1 << 31))


@damage("bpe-vocabulary-id-twice", BPE, TOKENIZER, "both have id")
def _(f): edit_model(f, lambda m: m["vocab"].update(elder=5))


@damage("bpe-dropout", BPE, TOKENIZER, "dropout")
def _(f): edit_model(f, lambda m: m.update(dropout=0.1))


@damage("bpe-byte-fallback-without-bytes", "gemma3-base", when="quick", text="\U0001d11e\U00010330")
def _(f):
    def change(tokenizer):
        vocab = tokenizer["model"]["vocab"]
        for i, name in enumerate([k for k in vocab if len(k) == 6 and k.startswith("<0x")]):
            vocab[f"gone{i}"] = vocab.pop(name)
    f.edit(TOKENIZER, change)


def charsmap(f, change):
    """change() makes other bytes of the map's; text: put in as it is."""
    def edit(tokenizer):
        made = change(base64.b64decode(tokenizer["normalizer"]["precompiled_charsmap"]))
        tokenizer["normalizer"]["precompiled_charsmap"] = made if isinstance(made, str) else base64.b64encode(made).decode()
    f.edit(TOKENIZER, edit)


for kind, change in {
    "cut-in-trie": lambda blob: blob[:100],
    "empty": lambda blob: b"",
    "length-only": lambda blob: blob[:4],
    "trie-longer-than-map": lambda blob: b"\xff\xff\xff\x7f" + blob[4:],
    "no-base64": lambda blob: "this is ***",
    "texts-no-utf8": lambda blob: blob[:-3] + b"\xff\xfe\0",
}.items():
    damage(f"charsmap-{kind}", UNIGRAM, TOKENIZER, "precompiled_charsmap")(lambda f, c=change: charsmap(f, c))


def wild_trie(blob):
    """Every unit a leaf, or an offset, far outside."""
    n = struct.unpack("<I", blob[:4])[0]
    return blob[:4] + b"".join(struct.pack("<I", 0xFFFFFF00 & ~(1 << 31) | i & 0xFF) for i in range(n // 4)) + blob[4 + n:]


@damage("charsmap-points-outside", UNIGRAM, when="quick", text="h\u00e9llo \ufb01 \u2460")
def _(f): charsmap(f, wild_trie)


def split_by(f, regex):
    split = {"type": "Split", "pattern": {"Regex": regex}, "behavior": "Isolated", "invert": False}
    f.edit(TOKENIZER, lambda t: t.update(pre_tokenizer=split))


LONG = "a" * 4000 + "!"
for i, regex in enumerate(["(a+)+$", "(a|aa)+$", "(.*)*b$", "(?:a*)*c", "([a-z]+)*1", "(a?){30}a{30}$"]):
    damage(f"regex-explodes-{i}", BPE, when="quick", text=LONG)(lambda f, r=regex: split_by(f, r))
NO_REGEX = ["(", "[z-a]", "*", "a{5,2}", "\\p{Elderberry}", "(?<n", "\\", "[[:elder:]]", "(?<=a+)b", "(" * 1000 + ")" * 1000]
for i, regex in enumerate(NO_REGEX):
    damage(f"regex-no-regex-{i}", BPE, TOKENIZER, "pre_tokenizer")(lambda f, r=regex: split_by(f, r))


@damage("regex-repeats-huge", BPE, when="quick")
def _(f): split_by(f, "((((a{1000}){1000}){1000}){1000}){1000}")


@damage("regex-megabyte", BPE, when="quick")
def _(f): split_by(f, "a|" * 500_000 + "b")


def put_section(f, section, value):
    f.edit(TOKENIZER, lambda tokenizer: tokenizer.update({section: value}))


def nest(f, section, key, inner):
    """A Sequence in a Sequence, a thousand deep, which Python's json would not write."""
    put_section(f, section, "@nested@")
    deep = ('{"type": "Sequence", "%s": [' % key) * 1000 + json.dumps(inner) + "]}" * 1000
    (f / TOKENIZER).write_text((f / TOKENIZER).read_text().replace('"@nested@"', deep))


for section, key, inner in [("normalizer", "normalizers", {"type": "NFC"}),
                            ("pre_tokenizer", "pretokenizers", {"type": "Whitespace"}),
                            ("post_processor", "processors", {"type": "BertProcessing", "sep": ["!", 0], "cls": ["!", 0]})]:
    damage(f"{section}-nested-thousand", BPE, TOKENIZER)(lambda f, s=section, k=key, i=inner: nest(f, s, k, i))
    damage(f"{section}-many", BPE, TOKENIZER, section)(
        lambda f, s=section, k=key, i=inner: put_section(f, s, {"type": "Sequence", k: [i] * 9999}))
    damage(f"{section}-unknown", BPE, TOKENIZER, section, "Elder")(lambda f, s=section: put_section(f, s, {"type": "Elder"}))
    damage(f"{section}-no-type", BPE, TOKENIZER, section)(lambda f, s=section: put_section(f, s, {"types": "Elder"}))


@damage("template-token-unknown", UNIGRAM, TOKENIZER, "elder", "special_tokens")
def _(f): f.edit(TOKENIZER, lambda t: t["post_processor"]["single"][0].update(SpecialToken={"id": "elder", "type_id": 0}))


@damage("template-id-beyond-vocabulary", UNIGRAM, TOKENIZER, "no token has the id")
def _(f): f.edit(TOKENIZER, lambda t: t["post_processor"]["special_tokens"]["<s>"].update(ids=[1 << 30]))


@damage("template-without-text", UNIGRAM, TOKENIZER, "template")
def _(f): f.edit(TOKENIZER, lambda t: t["post_processor"]["single"].pop(1) and None)


@damage("roberta-sep-beyond-vocabulary", "roberta-base", TOKENIZER, "no token has the id")
def _(f): f.edit(TOKENIZER, lambda t: t["post_processor"].update(sep=["</s>", 99999]))


@damage("metaspace-of-two-characters", "t5-relu", TOKENIZER, "pre_tokenizer")
def _(f):
    f.edit(TOKENIZER, lambda t: t.update(pre_tokenizer={"type": "Metaspace", "replacement": "__", "prepend_scheme": "always"}))


@damage("added-token-beyond-table", "qwen3-base", "ids up to", "word embeddings")
def _(f):
    f.edit(TOKENIZER, lambda t: t["added_tokens"].extend(dict(t["added_tokens"][0], content=f"<elder{i}>", id=366 + i)
                                                         for i in range(len(t["added_tokens"]), 99)))


def main():
    families, output = two_folders(__doc__)
    expected = []
    for name, good, words, when, text, function in DAMAGES:
        shutil.copytree(families / good, output / name, ignore=shutil.ignore_patterns("golden.json", "vectors.npy"))
        function(Folder(output / name))
        expected.append({"name": name, "must_name": words, "when": when, "text": text})
    finish(output, expected)


if __name__ == "__main__":
    main()
