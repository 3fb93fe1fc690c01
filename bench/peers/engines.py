"""The engines, each behind the same three calls: prepare(workload) outside the clock, run(prepared) inside it, and
vectors(result) that puts what run() gave into the workload's order. Input preparation is left out of the time for all alike.

An engine is loaded in a process of its own (worker.py), so nothing is imported before its class is made.
"""

import numpy as np

import common
import vecd_c
import workloads

MODELS = common.PEERS / "models"


class Vecd:
    """libvecd through its C API: a workload is one call, whatever the lengths."""

    def __init__(self, threads, precision, isa):
        self.model = vecd_c.Model(common.model_folder(), threads, precision, isa)
        self.version = self.model.lib.vecd_version().decode()
        self.resident = self.model.info.resident_bytes

    def prepare(self, name):
        return self.model.prepare(workloads.texts(name))

    def run(self, prepared):
        return self.model.encode(prepared)

    def vectors(self, prepared, result):
        return np.frombuffer(result, np.float32).reshape(-1, self.model.info.dimension)


class Peer:
    """What the peers have in common: padded batches in, one result for each."""

    resident = 0

    def prepare(self, name):
        return [(indices, self.inputs(ids, lens)) for indices, ids, lens in workloads.batches(name)]

    def run(self, prepared):
        return [self.encode(*inputs) for _, inputs in prepared]

    def vectors(self, prepared, result):
        out = np.empty((sum(len(indices) for indices, _ in prepared), result[0].shape[1]), np.float32)
        for (indices, _), vectors in zip(prepared, result):
            out[indices] = vectors
        return out

    def inputs(self, ids, lens):
        """ids and mask, int64 [b, t]."""
        return ids, (np.arange(ids.shape[1]) < lens[:, None]).astype(np.int64)


class OnnxRuntime(Peer):
    def __init__(self, threads, precision, isa, file):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(str(MODELS / file), options, providers=["CPUExecutionProvider"])
        self.version = onnxruntime.__version__

    def encode(self, ids, mask):
        return self.session.run(None, {"input_ids": ids, "attention_mask": mask})[0]


class OpenVino(Peer):
    def __init__(self, threads, precision, isa):
        import openvino

        core = openvino.Core()
        config = {
            "INFERENCE_NUM_THREADS": threads,
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": {"fp32": "f32", "bf16": "bf16"}[precision],
        }
        self.request = core.compile_model(core.read_model(MODELS / "fp32.onnx"), "CPU", config).create_infer_request()
        self.version = openvino.__version__.split("-")[0]

    def encode(self, ids, mask):
        return self.request.infer({"input_ids": ids, "attention_mask": mask}, share_inputs=True)[0]


class CTranslate2(Peer):
    """Gives token vectors; they are averaged in NumPy, which is 1 to 2 % of its time."""

    def __init__(self, threads, precision, isa):
        import ctranslate2

        compute = {"fp32": "float32", "int8": "int8"}[precision]
        self.encoder = ctranslate2.Encoder(
            str(MODELS / f"ct2_{precision}"), device="cpu", intra_threads=threads, compute_type=compute
        )
        self.view = ctranslate2.StorageView.from_array
        self.version = ctranslate2.__version__

    def inputs(self, ids, lens):
        ids = ids.astype(np.int32)
        return self.view(ids), self.view(lens), ids, lens  # a view borrows its array

    def encode(self, ids, lens, _ids, n):
        hidden = np.asarray(self.encoder.forward_batch(ids, lens).last_hidden_state)  # [b, t, hidden]
        vectors = np.stack([hidden[i, : n[i]].mean(0) for i in range(len(n))])
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


class Torch(Peer):
    """Hugging Face's BERT with sdpa attention. No mask where nothing is padded: its fastest way."""

    def __init__(self, threads, precision, isa):
        import torch
        import transformers

        torch.set_num_threads(threads)
        transformers.utils.logging.disable_progress_bar()
        folder = common.model_folder()
        self.torch = torch
        self.model = transformers.AutoModel.from_pretrained(folder, attn_implementation="sdpa").eval().float()
        self.version = torch.__version__

    def inputs(self, ids, lens):
        ids, mask = (self.torch.from_numpy(a) for a in super().inputs(ids, lens))
        return ids, None if bool(mask.all()) else mask

    def encode(self, ids, mask):
        with self.torch.inference_mode():
            hidden = self.model(input_ids=ids, attention_mask=mask).last_hidden_state
            if mask is None:
                pooled = hidden.mean(1)
            else:
                pooled = (hidden * mask.unsqueeze(-1)).sum(1) / mask.sum(1, keepdim=True)
            return self.torch.nn.functional.normalize(pooled, dim=-1).numpy()


# name: (class, precision, further arguments). The name's last word is the precision; "vecd ..." are ours.
ENGINES = {f"vecd {p}": (Vecd, p, {}) for p in vecd_c.PRECISIONS} | {
    "ONNX Runtime fp32": (OnnxRuntime, "fp32", {"file": "fp32.onnx"}),
    "ONNX Runtime fused fp32": (OnnxRuntime, "fp32", {"file": "fp32_fused.onnx"}),
    "OpenVINO fp32": (OpenVino, "fp32", {}),
    "CTranslate2 fp32": (CTranslate2, "fp32", {}),
    "torch fp32": (Torch, "fp32", {}),
    "OpenVINO bf16": (OpenVino, "bf16", {}),
    "ONNX Runtime int8": (OnnxRuntime, "int8", {"file": "int8.onnx"}),
    "CTranslate2 int8": (CTranslate2, "int8", {}),
}
REFERENCE = "torch fp32"  # cosines are to this one's vectors

# Holding the peers to an instruction set, for --isa. ONNX Runtime has no such switch and always takes the best.
ISA_ENVIRONMENT = {
    "avx2": {
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "CT2_FORCE_CPU_ISA": "AVX2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
        "ATEN_CPU_CAPABILITY": "avx2",
    },
}


def chosen(features, isa):
    """Names of the engines that make sense on a processor with these features."""
    has_bf16 = isa is None and not {"avx512_bf16", "bf16"}.isdisjoint(features)
    return [name for name, (_, precision, _) in ENGINES.items() if precision != "bf16" or has_bf16]


def make(name, threads, isa):
    kind, precision, arguments = ENGINES[name]
    return kind(threads, precision, isa, **arguments)
