#!/usr/bin/env python3
"""Writes families/<name>/: small models with random weights of every other family than BERT; make_tiny.py tells how
such a folder is laid out, tiny_families.py which there are.

Names and shapes of the weights are those of transformers' own class for the folder's config.json, so this script knows
no architecture. Two families are not on the Hub in the form transformers loads without foreign code (nomic_bert's first
config.json, and "new"): there `reference` is a config.json of the same model in transformers' terms, used for the
vectors alone, and `hub_names` gives the weights the names and the fused shapes they have on the Hub.

Usage: make_families.py [NAME ...]      (default: all)
"""

import re
import shutil
import sys
import zlib

import make_tiny
import numpy as np
import safetensors.torch
import torch
import transformers
from make_tiny import HERE, dump, pooling, without_none
from tiny_families import families
from tokenizers import Tokenizer


def empty_model(f, config):
    """The family's model without values, for its parameters' names and shapes; tied ones appear once."""
    config = transformers.AutoConfig.for_model(**config)
    with torch.device("meta"):
        return getattr(transformers, f.weights_of or (f.reference or f.config)["architectures"][0])(config)


def random_weights(f, name, config):
    """{tensor name: tensor} in transformers' names. Spread wide; norms' weights are not 1 (not 0 where 1 is added)."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    out = {}
    for key, parameter in sorted(empty_model(f, config).named_parameters()):
        shape, mean = tuple(parameter.shape), 0.0
        if key.endswith("bias"):
            std = 0.2
        elif len(shape) == 1:
            mean, std = 0.0 if "gemma" in config["model_type"] else 1.0, 0.3
        elif "relative_attention_bias" in key:
            std = 1.0
        elif "position_embeddings" in key or "token_type_embeddings" in key:
            std = 0.3
        elif "embed" in key or key == "shared.weight":
            std = f.embedding_std
        else:
            std = (f.score_gain if re.search(r"\b(q|k|query|key|q_lin|k_lin|q_proj|k_proj)\.weight", key) else 1.7) / shape[1] ** 0.5
        out[key] = torch.from_numpy((mean + std * rng.standard_normal(shape)).astype(np.float32)).to(f.dtype)
    for key, tensor in f.fixed.items():
        assert out[key].shape == tensor.shape
        out[key] = tensor.to(f.dtype)
    return out


def save_weights(f, folder, stored):
    """One file, or `shards` of them with an index, split without regard to layers."""
    stored = {key: stored[key].contiguous() for key in sorted(stored)}
    if f.shards == 1:
        safetensors.torch.save_file(stored, folder / "model.safetensors", metadata={"format": "pt"})
        return
    where = {}
    for i in range(f.shards):
        part = {key: tensor for n, (key, tensor) in enumerate(stored.items()) if n % f.shards == i}
        file = f"model-{i + 1:05}-of-{f.shards:05}.safetensors"
        safetensors.torch.save_file(part, folder / file, metadata={"format": "pt"})
        where |= dict.fromkeys(part, file)
    size = sum(t.numel() * t.element_size() for t in stored.values())
    dump(folder / "model.safetensors.index.json", {"metadata": {"total_size": size}, "weight_map": dict(sorted(where.items()))})


def write_family(f, name, folder):
    """Writes the model folder and returns its weights under transformers' own names, the Dense modules' by their place."""
    tokenizer, tokenizer_config, n_ids = f.tokenizer()
    assert n_ids <= f.config["vocab_size"], f"{name}: {n_ids} ids"
    dump(folder / "tokenizer.json", tokenizer, compact=True)
    dump(folder / "tokenizer_config.json", {**tokenizer_config, **f.tokenizer_config})
    dump(folder / "config.json", {**f.config, "torch_dtype": str(f.dtype).removeprefix("torch.")})
    weights = random_weights(f, name, f.reference or f.config)
    stored = f.hub_names(weights) if f.hub_names else dict(weights)
    stored = {f.prefix + key: tensor for key, tensor in stored.items()} | f.extra_tensors
    save_weights(f, folder, stored)
    if f.sbert_config is not None:
        dump(folder / "sentence_bert_config.json", without_none({"max_seq_length": f.max_seq_length, "do_lower_case": False, **f.sbert_config}, "max_seq_length"))
    if f.st_config is not None:
        dump(folder / "config_sentence_transformers.json", f.st_config)
    types = ["Transformer", "Pooling"] + ["Dense"] * len(f.dense) + ["Normalize"] * f.normalize
    paths = [""] + [f"{i}_{t}" for i, t in enumerate(types)][1:]
    dump(folder / "modules.json", [{"idx": i, "name": str(i), "path": paths[i], "type": "sentence_transformers.models." + t} for i, t in enumerate(types)])
    width = f.config.get("hidden_size") or f.config.get("d_model") or f.config.get("dim") or f.config.get("n_embd")
    dump(folder / "1_Pooling" / "config.json", pooling(*f.pool, dim=width, **f.pooling_more))
    rng = np.random.default_rng(zlib.crc32(name.encode()) + 1)
    for i, (n_out, bias, activation) in enumerate(f.dense, 2):
        dense = {"linear.weight": torch.from_numpy((1.5 / width**0.5 * rng.standard_normal((n_out, width))).astype(np.float32))}
        if bias:
            dense["linear.bias"] = torch.from_numpy((0.2 * rng.standard_normal(n_out)).astype(np.float32))
        dump(folder / paths[i] / "config.json", {"in_features": width, "out_features": n_out, "bias": bias, "activation_function": "torch.nn.modules." + activation})
        safetensors.torch.save_file(dense, folder / paths[i] / "model.safetensors", metadata={"format": "pt"})
        weights |= {f"[{i}].{key}": tensor for key, tensor in dense.items()}
        width = n_out
    return weights


def load_reference(f, folder):
    """The reference model: of the folder itself, or of a copy with `reference` for its config.json."""
    if not f.reference or folder.name == "saved":
        return make_tiny.load_model(folder)
    copy = folder.with_name("reference")
    shutil.copytree(folder, copy, dirs_exist_ok=True)
    dump(copy / "config.json", f.reference)
    return make_tiny.load_model(copy)


def check_weights(f, model, weights):
    """Every weight that was written is in the loaded model, value for value, and there are no others."""
    loaded = dict(model[0].model.state_dict())
    for i, module in enumerate(model):
        if type(module).__name__ == "Dense":
            loaded |= {f"[{i}].{key}": tensor for key, tensor in module.state_dict().items()}
    base = model[0].model.base_model_prefix + "."
    unset = set(loaded) - {"encoder.embed_tokens.weight"} - {key for key in loaded if key.startswith("pooler.")}
    if "encoder.embed_tokens.weight" in loaded:
        assert torch.equal(loaded["encoder.embed_tokens.weight"], loaded["shared.weight"])
    for key, tensor in weights.items():
        inner = key if key in loaded else key.removeprefix(base)
        if inner not in loaded:
            assert key.startswith(f.unused), key  # heads and decoders
            continue
        assert torch.equal(loaded[inner], tensor.float()), key
        unset.discard(inner)
    assert not unset, unset


def check_tokenizer(model, folder):
    """The tokenizer that transformers built gives the ids of tokenizer.json."""
    built, plain = Tokenizer.from_str(model.tokenizer.backend_tokenizer.to_str()), Tokenizer.from_file(str(folder / "tokenizer.json"))
    for tok in (built, plain):
        tok.no_truncation()
        tok.no_padding()
    for text in make_tiny.all_texts():
        a, b = built.encode(text).ids, plain.encode(text).ids
        assert a == b, (text[:40], a[:12], b[:12])


def main():
    table = families()
    for name in sys.argv[1:] or table:
        f = table[name]

        def load(folder, f=f):
            model = load_reference(f, folder)
            check_tokenizer(model, folder)
            return model

        make_tiny.make(name, f, HERE / "families" / name, write=write_family, load=load, check=lambda model, weights, f=f: check_weights(f, model, weights))


if __name__ == "__main__":
    main()
