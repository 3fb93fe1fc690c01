#!/usr/bin/env python3
"""Converts the default model for the peers, once: $VECD_PEERS_DIR/models gets

  fp32.onnx       ids and mask in, normalised vectors out (pooling is part of the graph: the peers' best case)
  fp32_fused.onnx the same after ONNX Runtime's own transformer optimizer (attention, GELU, LayerNorm fused)
  int8.onnx       fp32.onnx after onnxruntime.quantization.quantize_dynamic, weights per output channel
  ct2_fp32/       CTranslate2's format (OpenVINO reads fp32.onnx)
  ct2_int8/

A stamp of what they were made from tells whether they are still good.
"""

import hashlib
import logging
import os
import pathlib
import shutil
import sys
import warnings

import common

OUT = common.PEERS / "models"
OPSET = 17


def stamp():
    """Changes with the model, the versions and this script."""
    here = pathlib.Path(__file__).resolve()
    digest = hashlib.sha256(here.read_bytes() + (here.parent / "requirements.txt").read_bytes())
    model = (common.model_folder() / "model.safetensors").stat()
    return f"{digest.hexdigest()} {model.st_size}\n"


def export_onnx(folder, path):
    """Hugging Face's BERT with sdpa attention, mean pooling and L2 norm as one graph; batch and length stay open."""
    import torch
    from transformers import AutoModel

    class Pooled(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.bert = AutoModel.from_pretrained(folder, attn_implementation="sdpa").eval()

        def forward(self, input_ids, attention_mask):
            hidden = self.bert(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state  # [b, t, hidden]
            mask = attention_mask.unsqueeze(-1).to(hidden.dtype)
            return torch.nn.functional.normalize((hidden * mask).sum(1) / mask.sum(1), dim=-1)

    ids = torch.randint(1000, 20000, (2, 12))
    names = ["input_ids", "attention_mask"]
    axes = {name: {0: "batch", 1: "tokens"} for name in names}
    torch.onnx.export(
        Pooled(), (ids, torch.ones_like(ids)), str(path), dynamo=False, opset_version=OPSET,
        input_names=names, output_names=["vectors"], dynamic_axes=axes,
    )  # fmt: skip


def fuse(source, path):
    from onnxruntime.transformers import optimizer

    fused = optimizer.optimize_model(str(source), model_type="bert", num_heads=12, hidden_size=384, opt_level=0)
    fused.save_model_to_file(str(path))


def quantise(source, path):
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(str(source), str(path), weight_type=QuantType.QInt8, per_channel=True)


def convert_ct2(folder, path, quantization):
    from ctranslate2.converters import TransformersConverter

    TransformersConverter(str(folder)).convert(str(path), quantization=quantization, force=True)


def hush():
    """What the converters print about their own future is no concern of who measures."""
    import transformers

    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    transformers.utils.logging.disable_progress_bar()


def main():
    made_from = OUT / ".made-from"
    if made_from.exists() and made_from.read_text() == stamp():
        return
    print("peers: converting the model", file=sys.stderr)
    os.environ.update(HF_HUB_OFFLINE="1", CUDA_VISIBLE_DEVICES="")
    hush()
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    folder = common.model_folder()
    export_onnx(folder, OUT / "fp32.onnx")
    fuse(OUT / "fp32.onnx", OUT / "fp32_fused.onnx")
    quantise(OUT / "fp32.onnx", OUT / "int8.onnx")
    convert_ct2(folder, OUT / "ct2_fp32", "float32")
    convert_ct2(folder, OUT / "ct2_int8", "int8")
    made_from.write_text(stamp())


if __name__ == "__main__":
    main()
