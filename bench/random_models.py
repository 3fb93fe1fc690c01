#!/usr/bin/env python3
"""Full-size models of the catalogue whose weights cannot be had here, with random ones: random_models.py [NAME ...]

Makes the folders in $VECD_BENCH_DIR/random (build/bench-models/random), 1 GB in all, where they are missing, and links the default
model there, so that the whole can be a models folder. Shapes, modules and tensor names are the real models'; the tokenizer is the
default model's. Plain Python only: values are drawn once, a million of them, and repeat: nobody looks.
"""

import functools
import json
import os
import pathlib
import random
import shutil
import struct
import sys
from array import array

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "peers"))
import common  # noqa: E402

ROOM = pathlib.Path(os.environ.get("VECD_BENCH_DIR", common.BUILD / "bench-models")) / "random"
VOCAB, T5_VOCAB, POSITIONS = 30522, 32128, 512


def bert_tensors(hidden, layers, wide):
    """(name, shape) of every tensor, in the file's order."""
    yield "embeddings.word_embeddings.weight", (VOCAB, hidden)
    yield "embeddings.position_embeddings.weight", (POSITIONS, hidden)
    yield "embeddings.token_type_embeddings.weight", (2, hidden)
    norms = ["embeddings.LayerNorm"]
    for i in range(layers):
        at = f"encoder.layer.{i}."
        linears = [(f"attention.self.{x}", hidden, hidden) for x in ("query", "key", "value")]
        linears += [("attention.output.dense", hidden, hidden), ("intermediate.dense", wide, hidden), ("output.dense", hidden, wide)]
        for name, n_out, n_in in linears:
            yield f"{at}{name}.weight", (n_out, n_in)
            yield f"{at}{name}.bias", (n_out,)
        norms += [f"{at}attention.output.LayerNorm", f"{at}output.LayerNorm"]
    for name in norms:
        yield f"{name}.weight", (hidden,)
        yield f"{name}.bias", (hidden,)


def bert(hidden, layers, wide):
    config = {"model_type": "bert", "architectures": ["BertModel"], "hidden_act": "gelu", "vocab_size": VOCAB}
    config |= {"hidden_size": hidden, "num_hidden_layers": layers, "intermediate_size": wide, "num_attention_heads": hidden // 64}
    config |= {"max_position_embeddings": POSITIONS, "type_vocab_size": 2, "layer_norm_eps": 1e-12, "pad_token_id": 0}
    return {"config.json": config}, {"model.safetensors": bert_tensors(hidden, layers, wide)}


def t5_tensors(hidden, layers, wide, heads):
    yield "shared.weight", (T5_VOCAB, hidden)
    yield "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight", (32, heads)
    for i in range(layers):
        at = f"encoder.block.{i}.layer."
        for name in "qkvo":
            yield f"{at}0.SelfAttention.{name}.weight", (hidden, hidden)
        yield f"{at}0.layer_norm.weight", (hidden,)
        yield f"{at}1.DenseReluDense.wi.weight", (wide, hidden)
        yield f"{at}1.DenseReluDense.wo.weight", (hidden, wide)
        yield f"{at}1.layer_norm.weight", (hidden,)
    yield "encoder.final_layer_norm.weight", (hidden,)


def instructor(hidden, layers, wide, heads):
    """T5's encoder, mean pooling without the instruction, Dense, Normalize."""
    config = {"model_type": "t5", "architectures": ["T5EncoderModel"], "vocab_size": T5_VOCAB, "feed_forward_proj": "relu"}
    config |= {"d_model": hidden, "d_kv": hidden // heads, "d_ff": wide, "num_layers": layers, "num_heads": heads}
    config |= {"relative_attention_num_buckets": 32, "layer_norm_epsilon": 1e-6}
    kinds = ("Transformer", "Pooling", "Dense", "Normalize")
    paths = ("", "1_Pooling", "2_Dense", "3_Normalize")
    modules = [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for i, (kind, path) in enumerate(zip(kinds, paths))
    ]
    pooling = {"word_embedding_dimension": hidden, "pooling_mode_mean_tokens": True, "include_prompt": False}
    dense = {"in_features": hidden, "out_features": hidden, "bias": False}
    dense["activation_function"] = "torch.nn.modules.linear.Identity"
    files = {"config.json": config, "modules.json": modules, "1_Pooling/config.json": pooling, "2_Dense/config.json": dense}
    weights = {"model.safetensors": t5_tensors(hidden, layers, wide, heads)}
    weights["2_Dense/model.safetensors"] = [("linear.weight", (hidden, hidden))]
    return files, weights


# id in the catalogue: (JSON files, weights)
MODELS = {
    "bert-base-uncased": lambda: bert(768, 12, 3072),
    "e5-small-v2": lambda: bert(384, 12, 1536),
    "instructor-base": lambda: instructor(768, 12, 3072, 12),
}


@functools.cache
def values():
    draw = random.Random(1)
    return array("f", (draw.gauss(0, 0.02) for _ in range(1 << 20))).tobytes()


def write_safetensors(path, tensors):
    """Norms' weights are 1, all else is drawn."""
    header, at, tensors = {}, 0, list(tensors)
    sizes = [4 * shape[0] * (shape[1] if len(shape) > 1 else 1) for _, shape in tensors]
    for (name, shape), n in zip(tensors, sizes):
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + n]}
        at += n
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    drawn, at = values(), 0
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for (name, _), n in zip(tensors, sizes):
            if name.lower().endswith(("layernorm.weight", "layer_norm.weight")):
                f.write(struct.pack("<f", 1) * (n // 4))
                continue
            while n:
                part = drawn[at : at + n]
                f.write(part)
                n -= len(part)
                at = (at + len(part)) % len(drawn)


def make(name, room=ROOM):
    """The folder of one of MODELS, made where it is missing."""
    folder = room / name
    if folder.exists():
        return folder
    print(f"bench: making {folder}", file=sys.stderr)
    part = folder.with_name(name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    shutil.copy(common.model_folder() / "tokenizer.json", part)
    files, weights = MODELS[name]()
    files["sentence_bert_config.json"] = {"max_seq_length": POSITIONS, "do_lower_case": False}
    for path, content in files.items():
        (part / path).parent.mkdir(exist_ok=True)
        (part / path).write_text(json.dumps(content, indent=1))
    for path, tensors in weights.items():
        write_safetensors(part / path, tensors)
    part.rename(folder)
    return folder


def make_all(room=ROOM):
    """A models folder: the default model, and every one of MODELS."""
    for name in MODELS:
        make(name, room)
    link = room / common.MODEL_ID
    if not link.exists():
        link.unlink(missing_ok=True)
        link.symlink_to(common.model_folder())
    return room


def main():
    if len(sys.argv) > 1:
        for name in sys.argv[1:]:
            print(make(name))
    else:
        print(make_all())


if __name__ == "__main__":
    main()
