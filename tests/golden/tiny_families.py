"""The table of the tiny models of other families than BERT: {folder name: Family}. make_families.py writes them.

A config.json here has the keys that the family's well-known models have on the Hub, whoever wrote them and when; the
folders named *-saved were written once more by the installed sentence-transformers, whose config.json differs.
"""

import collections.abc
import dataclasses
import functools

import numpy as np
import tiny_tokenizers
import torch


@dataclasses.dataclass
class Family:
    """One folder; make_tiny.Variant explains what the two have in common."""

    note: str
    tokenizer: collections.abc.Callable
    config: dict  # config.json
    reference: dict | None = None  # config.json for the vectors, where transformers cannot load the Hub's own
    weights_of: str | None = None  # the class whose parameters the checkpoint holds, if not architectures[0]
    hub_names: collections.abc.Callable | None = None  # {transformers' names: tensors} -> {names on the Hub: tensors}
    prefix: str = ""  # before every tensor name
    unused: tuple = ()  # what begins the names of tensors that the encoder does not use
    extra_tensors: dict = dataclasses.field(default_factory=dict)
    fixed: dict = dataclasses.field(default_factory=dict)  # weights that are not random
    embedding_std: float = 0.5
    score_gain: float = 1.4
    dtype: torch.dtype = torch.float32
    shards: int = 1
    pool: tuple = ("mean_tokens",)
    pooling_more: dict = dataclasses.field(default_factory=dict)
    dense: list = dataclasses.field(default_factory=list)  # (n_out, bias, activation) after pooling
    normalize: bool = True
    max_seq_length: int | None = 48
    sbert_config: dict | None = dataclasses.field(default_factory=dict)
    tokenizer_config: dict = dataclasses.field(default_factory=dict)  # over the tokenizer's own
    st_config: dict | None = None
    resave: bool = False
    l2_after: bool = False
    texts: list = dataclasses.field(default_factory=list)


def heads_of(special, pad):
    """Texts that hold the family's special tokens."""
    return [pad, f"a {pad} b", f"{pad}{pad}x{pad}", *special, f"a  {special[-1]}  b{special[-1]}c", "".join(special)]


ANGLED = heads_of(["<s>", "</s>", "<unk>", "<mask>"], "<pad>")
BRACKETS = heads_of(["[CLS]", "[SEP]", "[UNK]", "[MASK]"], "[PAD]")
WIDE = "\ufb01\u0301x \u2460\u2461 e\u0301e\u0301 \uff21\uff42 \u3000 a\u200bb"


# ---- post-norm encoders with learned positions


def roberta_config(kind, **more):
    return {
        "architectures": ["RobertaModel" if kind == "roberta" else "XLMRobertaModel" if kind == "xlm-roberta" else "CamembertModel"],
        "attention_probs_dropout_prob": 0.1, "bos_token_id": 0, "classifier_dropout": None, "eos_token_id": 2, "hidden_act": "gelu", "hidden_dropout_prob": 0.1,
        "hidden_size": 32, "initializer_range": 0.02, "intermediate_size": 44, "layer_norm_eps": 1e-05, "max_position_embeddings": 50, "model_type": kind,
        "num_attention_heads": 4, "num_hidden_layers": 2, "pad_token_id": 1, "position_embedding_type": "absolute", "type_vocab_size": 1, "use_cache": True, "vocab_size": 391, **more,
    }  # fmt: skip


def roberta():
    longest = "the longest sequence is 48: max_position_embeddings 50, less padding_idx 1, less 1"
    return {
        "roberta-base": Family(f"positions count the tokens that are not <pad>, from padding_idx + 1; a <pad> in a text has position padding_idx; {longest}", tiny_tokenizers.roberta, roberta_config("roberta"), texts=ANGLED),
        "roberta-prefix": Family("names with 'roberta.', a language model's head and position_ids, all unused; CLS pooling, epsilon 1e-3, head size 11; F16 weights", tiny_tokenizers.roberta, roberta_config("roberta", architectures=["RobertaForMaskedLM"], hidden_size=33, num_attention_heads=3, layer_norm_eps=1e-3, vocab_size=400), unused=("lm_head.",), dtype=torch.float16, extra_tensors={"roberta.embeddings.position_ids": torch.arange(50).reshape(1, -1)}, pool=("cls_token",), normalize=False, texts=ANGLED),
    }  # fmt: skip


def xlm_roberta():
    return {
        "xlm-roberta-base": Family("XLM-R: Unigram with a precompiled character map, WhitespaceSplit and Metaspace; positions as RoBERTa's", tiny_tokenizers.xlm_roberta, roberta_config("xlm-roberta", vocab_size=432), texts=ANGLED + [WIDE]),
        "xlm-roberta-fast-raw": Family("PreTrainedTokenizerFast: tokenizer.json alone decides: runs of spaces joined, Metaspace without WhitespaceSplit; F16 weights; no max_seq_length: the limit is model_max_length 40", functools.partial(tiny_tokenizers.xlm_roberta, False), roberta_config("xlm-roberta", vocab_size=432, hidden_size=40), dtype=torch.float16, max_seq_length=None, tokenizer_config={"model_max_length": 40}, pool=("cls_token",), texts=ANGLED + [WIDE]),
        "camembert-base": Family("CamemBERT: <s> is 5 and </s> 6, yet <pad> 1 and positions as RoBERTa's; the vocabulary's lowest score is -100, hence the unknown piece's -110; F16 weights", tiny_tokenizers.camembert, roberta_config("camembert", bos_token_id=5, eos_token_id=6, vocab_size=341), dtype=torch.float16, texts=ANGLED + [WIDE]),
    }  # fmt: skip


def sinusoids(n, dim):
    table = np.array([[p / np.power(10000, 2 * (j // 2) / dim) for j in range(dim)] for p in range(n)])
    table[:, 0::2], table[:, 1::2] = np.sin(table[:, 0::2]), np.cos(table[:, 1::2])
    return torch.from_numpy(table.astype(np.float32))


def distilbert_config(**more):
    return {
        "activation": "gelu", "architectures": ["DistilBertModel"], "attention_dropout": 0.1, "dim": 32, "dropout": 0.1, "hidden_dim": 44, "initializer_range": 0.02,
        "max_position_embeddings": 48, "model_type": "distilbert", "n_heads": 4, "n_layers": 2, "pad_token_id": 0, "qa_dropout": 0.1, "seq_classif_dropout": 0.2,
        "sinusoidal_pos_embds": False, "tie_weights_": True, "vocab_size": 484, **more,
    }  # fmt: skip


def distilbert():
    names = functools.partial(tiny_tokenizers.bert, tokenizer_class="DistilBertTokenizer")
    return {
        "distilbert-base": Family("no token types; epsilon is always 1e-12, config.json has none", names, distilbert_config(), texts=BRACKETS),
        "distilbert-sinusoidal": Family("sinusoidal_pos_embds true: the position table is in the checkpoint all the same", names, distilbert_config(sinusoidal_pos_embds=True), fixed={"embeddings.position_embeddings.weight": sinusoids(48, 32)}, texts=BRACKETS),
        "distilbert-prefix": Family("names with 'distilbert.', a language model's head, unused; ReLU, head size 9, three layers; CLS pooling; F16 weights", names, distilbert_config(architectures=["DistilBertForMaskedLM"], dim=27, n_heads=3, n_layers=3, activation="relu"), unused=("vocab_",), dtype=torch.float16, pool=("cls_token",), normalize=False, texts=BRACKETS),
    }  # fmt: skip


def mpnet_config(**more):
    return {
        "architectures": ["MPNetModel"], "attention_probs_dropout_prob": 0.1, "bos_token_id": 0, "eos_token_id": 2, "hidden_act": "gelu", "hidden_dropout_prob": 0.1, "hidden_size": 32,
        "initializer_range": 0.02, "intermediate_size": 44, "layer_norm_eps": 1e-05, "max_position_embeddings": 50, "model_type": "mpnet", "num_attention_heads": 4,
        "num_hidden_layers": 2, "pad_token_id": 1, "relative_attention_num_buckets": 32, "vocab_size": 489, **more,
    }  # fmt: skip


def mpnet():
    return {
        "mpnet-base": Family("one relative position bias for all layers beside positions as RoBERTa's; texts of up to 160 tokens, so that the last bucket is reached (it begins at distance 91)", tiny_tokenizers.mpnet, mpnet_config(max_position_embeddings=162), max_seq_length=160, texts=ANGLED),
        "mpnet-prefix": Family("names with 'mpnet.', a language model's head, unused; head size 9, three layers, epsilon 1e-3; F16 weights", tiny_tokenizers.mpnet, mpnet_config(architectures=["MPNetForMaskedLM"], hidden_size=27, num_attention_heads=3, num_hidden_layers=3, layer_norm_eps=1e-3), unused=("lm_head.",), dtype=torch.float16, normalize=False, texts=ANGLED),
    }  # fmt: skip


# ---- T5


def t5_config(**more):
    return {
        "architectures": ["T5EncoderModel"], "d_ff": 44, "d_kv": 8, "d_model": 32, "decoder_start_token_id": 0, "dropout_rate": 0.1, "eos_token_id": 1,
        "feed_forward_proj": "relu", "gradient_checkpointing": False, "initializer_factor": 1.0, "is_encoder_decoder": True, "layer_norm_epsilon": 1e-06,
        "model_type": "t5", "n_positions": 512, "num_decoder_layers": 2, "num_heads": 4, "num_layers": 2, "output_past": True, "pad_token_id": 0,
        "relative_attention_max_distance": 128, "relative_attention_num_buckets": 32, "use_cache": True, "vocab_size": 348, **more,
    }  # fmt: skip


def t5():
    gated = {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False}
    derived = {"dense_act_fn": "gelu_new", "is_gated_act": True}  # what follows from it, which newer files state as well
    identity = "linear.Identity"
    texts = heads_of(["</s>", "<unk>", "<extra_id_0>"], "<pad>") + [WIDE]
    common = {"score_gain": 0.8, "texts": texts}
    return {
        "t5-relu": Family("T5: RMSNorm before each block, unscaled scores, the first layer's relative bias for all; ReLU, not gated; Dense without bias, then Normalize; more rows of embeddings than ids", tiny_tokenizers.t5, t5_config(), dense=[(48, False, identity)], **common),
        "t5-gated-gelu": Family("T5 v1.1: gated-gelu is the tanh form; head size 10 times 3 is 30, the width 32; 12 buckets up to distance 30; BF16 weights", tiny_tokenizers.t5, t5_config(**gated, **derived, d_kv=10, num_heads=3, relative_attention_num_buckets=12, relative_attention_max_distance=30, layer_norm_epsilon=1e-3), dtype=torch.bfloat16, dense=[(24, False, identity)], **common),
        "t5-full": Family("a whole T5ForConditionalGeneration: shared.weight, encoder.*, and decoder.* and lm_head unused; no max_seq_length: the limit is model_max_length 40; Dense with bias and Tanh; F16 weights", tiny_tokenizers.t5, t5_config(**gated, architectures=["T5ForConditionalGeneration"], num_decoder_layers=1, num_layers=3, d_model=24, d_ff=33), unused=("decoder.", "lm_head."), dtype=torch.float16, max_seq_length=None, tokenizer_config={"model_max_length": 40}, dense=[(32, True, "activation.Tanh")], normalize=False, **common),
    }  # fmt: skip


# ---- pre-norm models with rotary positions


def modernbert_config(**more):
    return {
        "architectures": ["ModernBertModel"], "attention_bias": False, "attention_dropout": 0.0, "bos_token_id": 374, "classifier_activation": "gelu", "classifier_bias": False,
        "classifier_dropout": 0.0, "classifier_pooling": "mean", "cls_token_id": 374, "decoder_bias": True, "deterministic_flash_attn": False, "embedding_dropout": 0.0,
        "eos_token_id": 375, "global_attn_every_n_layers": 3, "global_rope_theta": 160000.0, "gradient_checkpointing": False, "hidden_activation": "gelu", "hidden_size": 24,
        "initializer_cutoff_factor": 2.0, "initializer_range": 0.02, "intermediate_size": 28, "layer_norm_eps": 1e-03, "local_attention": 16, "local_rope_theta": 10000.0,
        "max_position_embeddings": 64, "mlp_bias": False, "mlp_dropout": 0.0, "model_type": "modernbert", "norm_bias": False, "norm_eps": 1e-05, "num_attention_heads": 3,
        "num_hidden_layers": 4, "pad_token_id": 376, "position_embedding_type": "absolute", "reference_compile": False, "repad_logits_with_grad": False, "sep_token_id": 375,
        "sparse_pred_ignore_index": -100, "sparse_prediction": False, "vocab_size": 384, **more,
    }  # fmt: skip


def modernbert():
    biases = {"attention_bias": True, "mlp_bias": True, "norm_bias": True}
    texts = BRACKETS + ["a  b   c    d     e         f", "|||IP_ADDRESS||| |||EMAIL_ADDRESS|||x", "<|padding|>", "    ", "[unused0]"]
    common = {"max_seq_length": 64, "texts": texts}
    return {
        "modernbert-cls": Family("every third layer sees all, the others 8 tokens to each side (local_attention 16); no norm before the first attention; norm_eps, not layer_norm_eps; CLS pooling", tiny_tokenizers.modernbert, modernbert_config(), pool=("cls_token",), **common),
        "modernbert-mean": Family("names with 'model.' and a language model's head, unused; mean pooling; an odd window of 9 (4 to each side), rotary bases 1000 and 50, head size 6; F16 weights", tiny_tokenizers.modernbert, modernbert_config(architectures=["ModernBertForMaskedLM"], hidden_size=30, num_attention_heads=5, local_attention=9, global_rope_theta=1000.0, local_rope_theta=50.0), unused=("head.", "decoder."), dtype=torch.float16, **common),
        "modernbert-biases": Family("norm_bias, attention_bias and mlp_bias true; every second layer sees all; BF16 weights", tiny_tokenizers.modernbert, modernbert_config(**biases, global_attn_every_n_layers=2, num_hidden_layers=3), dtype=torch.bfloat16, normalize=False, **common),
        "modernbert-saved": Family("written by the installed sentence-transformers: layer_types and rope_parameters instead of the older keys", tiny_tokenizers.modernbert, modernbert_config(hidden_size=20, num_attention_heads=2, local_attention=14), resave=True, **common),
    }  # fmt: skip


def qwen3_config(**more):
    return {
        "architectures": ["Qwen3ForCausalLM"], "attention_bias": False, "attention_dropout": 0.0, "bos_token_id": 366, "eos_token_id": 366, "head_dim": 12, "hidden_act": "silu",
        "hidden_size": 32, "initializer_range": 0.02, "intermediate_size": 44, "max_position_embeddings": 64, "max_window_layers": 2, "model_type": "qwen3",
        "num_attention_heads": 4, "num_hidden_layers": 2, "num_key_value_heads": 2, "rms_norm_eps": 1e-06, "rope_scaling": None, "rope_theta": 1000000, "sliding_window": None,
        "tie_word_embeddings": True, "use_cache": True, "use_sliding_window": False, "vocab_size": 372, **more,
    }  # fmt: skip


QWEN_PROMPTS = {"prompts": {"query": "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:", "document": ""}, "default_prompt_name": None, "similarity_fn_name": "cosine"}


def qwen3():
    common = {
        "weights_of": "Qwen3Model", "pool": ("lasttoken",), "max_seq_length": 64, "st_config": QWEN_PROMPTS,
        "texts": heads_of(["<|im_start|>", "<|im_end|>", "<tool_call>"], "<|endoftext|>") + ["it's WE'LL 1234 a\r\n\r\nb  c\n d"],
    }  # fmt: skip
    return {
        "qwen3-base": Family("causal, two heads to each key head, head size 12 times 4 is 48, the width 32; RMSNorm over each head of q and k before the rotation; the last token", tiny_tokenizers.qwen3, qwen3_config(), **common),
        "qwen3-bf16": Family("BF16 weights, float32 arithmetic; names with 'model.'; four heads to one key head, epsilon 1e-3, rotary base 50; biases in attention", tiny_tokenizers.qwen3, qwen3_config(num_key_value_heads=1, head_dim=10, rms_norm_eps=1e-3, rope_theta=50, attention_bias=True), dtype=torch.bfloat16, prefix="model.", **common),
        "qwen3-sharded": Family("three files and model.safetensors.index.json; a layer's tensors lie in several files; three layers; BF16 weights", tiny_tokenizers.qwen3, qwen3_config(num_hidden_layers=3, hidden_size=24), shards=3, dtype=torch.bfloat16, **{**common, "normalize": False}),
        "qwen3-saved": Family("written by the installed sentence-transformers: rope_parameters and dtype instead of the older keys", tiny_tokenizers.qwen3, qwen3_config(hidden_size=24), resave=True, **common),
    }  # fmt: skip


def gemma3_config(**more):
    return {
        "_sliding_window_pattern": 3, "architectures": ["Gemma3TextModel"], "attention_bias": False, "attention_dropout": 0.0, "attn_logit_softcapping": None, "bos_token_id": 2,
        "eos_token_id": 1, "final_logit_softcapping": None, "head_dim": 10, "hidden_activation": "gelu_pytorch_tanh", "hidden_size": 24, "initializer_range": 0.02, "intermediate_size": 40,
        "layer_types": ["sliding_attention", "sliding_attention", "full_attention", "sliding_attention"], "max_position_embeddings": 64, "model_type": "gemma3_text",
        "num_attention_heads": 3, "num_hidden_layers": 4, "num_key_value_heads": 1, "pad_token_id": 0, "query_pre_attn_scalar": 24, "rms_norm_eps": 1e-06,
        "rope_local_base_freq": 10000.0, "rope_scaling": None, "rope_theta": 1000000.0, "sliding_window": 16, "use_bidirectional_attention": True, "use_cache": True, "vocab_size": 512, **more,
    }  # fmt: skip


GEMMA_PROMPTS = {"prompts": {"query": "task: search result | query: ", "document": "title: none | text: ", "Clustering": "task: clustering | query: "}, "default_prompt_name": None, "similarity_fn_name": "cosine"}


def gemma3():
    common = {
        "embedding_std": 0.15, "max_seq_length": 64, "st_config": GEMMA_PROMPTS, "pooling_more": {"include_prompt": True}, "dense": [(40, False, "linear.Identity"), (24, False, "linear.Identity")],
        "texts": heads_of(["<bos>", "<eos>", "<unk>", "<mask>"], "<pad>") + ["a\n\nb\n\n\n\nc", "<0x41> <table> <unused0>", "   a  b", "<start_of_turn>user\nhi<end_of_turn>"],
    }  # fmt: skip
    old = {k: v for k, v in gemma3_config(num_hidden_layers=3, sliding_window_pattern=2, sliding_window=9, rope_theta=5000.0, rope_local_base_freq=100.0, rms_norm_eps=1e-3).items() if k not in ("layer_types", "_sliding_window_pattern")}
    return {
        "gemma3-base": Family("EmbeddingGemma: bidirectional, sliding_window 16 reaches 8 to each side; four RMSNorms a layer, each times 1 + weight; embeddings times sqrt(width); scores times query_pre_attn_scalar^-1/2; two Dense modules, Normalize", tiny_tokenizers.gemma, gemma3_config(), **common),
        "gemma3-pattern": Family("sliding_window_pattern 2 instead of layer_types (layer 1 sees all), sliding_window 9 (4 to each side), other rotary bases, epsilon 1e-3; names with 'model.'; one Dense; F16 weights", tiny_tokenizers.gemma, old, prefix="model.", dtype=torch.float16, **{**common, "dense": [(20, False, "linear.Identity")]}),
        "gemma3-saved": Family("written by the installed sentence-transformers: rope_parameters instead of the older keys; BF16 weights in the original", tiny_tokenizers.gemma, gemma3_config(num_hidden_layers=3, layer_types=["sliding_attention", "full_attention", "sliding_attention"], hidden_size=18), resave=True, dtype=torch.bfloat16, **{**common, "dense": []}),
    }  # fmt: skip


# ---- post-norm encoders with rotary positions, which began as code beside the model


def nomic_config(**more):
    auto = "nomic-ai/nomic-bert-2048--"
    return {
        "activation_function": "swiglu", "architectures": ["NomicBertModel"], "attn_pdrop": 0.0,
        "auto_map": {"AutoConfig": auto + "configuration_hf_nomic_bert.NomicBertConfig", "AutoModel": auto + "modeling_hf_nomic_bert.NomicBertModel"},
        "bos_token_id": None, "causal": False, "dense_seq_output": True, "embd_pdrop": 0.0, "eos_token_id": None, "fused_bias_fc": True, "fused_dropout_add_ln": True,
        "initializer_range": 0.02, "layer_norm_epsilon": 1e-12, "max_trained_positions": 2048, "mlp_fc1_bias": False, "mlp_fc2_bias": False, "model_type": "nomic_bert", "n_embd": 16,
        "n_head": 2, "n_inner": 256, "n_layer": 2, "n_positions": 8192, "pad_vocab_size_multiple": 64, "parallel_block": False, "parallel_block_tied_norm": False, "prenorm": False,
        "qkv_proj_bias": False, "reorder_and_upcast_attn": False, "resid_pdrop": 0.0, "rotary_emb_base": 1000, "rotary_emb_fraction": 1.0, "rotary_emb_interleaved": False,
        "rotary_emb_scale_base": None, "rotary_scaling_factor": None, "scale_attn_by_inverse_layer_idx": False, "scale_attn_weights": True, "summary_activation": None,
        "summary_first_dropout": 0.0, "summary_proj_to_labels": True, "summary_type": "cls_index", "summary_use_proj": True, "type_vocab_size": 2, "use_cache": True,
        "use_flash_attn": True, "use_rms_norm": False, "use_xentropy": True, "vocab_size": 512, **more,
    }  # fmt: skip


def nomic_native(config):
    return {
        "architectures": ["NomicBertModel"], "model_type": "nomic_bert", "hidden_size": config["n_embd"], "num_attention_heads": config["n_head"], "num_hidden_layers": config["n_layer"],
        "intermediate_size": config["n_inner"], "hidden_act": "silu", "layer_norm_eps": config["layer_norm_epsilon"], "max_position_embeddings": 2048, "pad_token_id": 0,
        "rope_parameters": {"rope_type": "default", "rope_theta": config["rotary_emb_base"]}, "type_vocab_size": config["type_vocab_size"], "vocab_size": config["vocab_size"],
    }  # fmt: skip


def fuse(weights, parts, whole, renames):
    """Tensors whose name ends in the first of `parts`, stacked with the others' under `whole`; then `renames`."""
    out = {}
    for key, tensor in weights.items():
        for group, name in zip(parts, whole):
            if any(f".{p}." in key for p in group):
                if f".{group[0]}." in key:
                    out[key.replace(group[0], name)] = torch.cat([weights[key.replace(group[0], p)] for p in group])
                break
        else:
            out[key] = tensor
    renamed = {}
    for key, tensor in out.items():
        for old, new in renames:
            key = key.replace(old, new)
        renamed[key] = tensor
    return renamed


def nomic_names(weights):
    renames = [("layers.", "encoder.layers."), ("embeddings.LayerNorm", "emb_ln"), ("self_attn.o_proj", "attn.out_proj"), ("up_proj", "fc11"), ("gate_proj", "fc12"), ("down_proj", "fc2"), ("post_attention_layernorm", "norm1"), ("post_mlp_layernorm", "norm2")]
    return fuse(weights, [[f"self_attn.{x}_proj" for x in "qkv"]], ["attn.Wqkv"], renames)


def nomic():
    told = "config.json and tensor names of nomic-embed-text-v1.5; vectors by transformers' own NomicBertModel, config.json put into its terms"

    def one(note, config, **more):
        return Family(note, tiny_tokenizers.bert, config, reference=nomic_native(config), hub_names=nomic_names, texts=BRACKETS, tokenizer_config={"model_max_length": 8192}, **more)

    small = nomic_config(rotary_emb_base=100, layer_norm_epsilon=1e-3, n_layer=1, n_embd=40, n_head=4)
    return {
        "nomic-base": one(f"{told}; SwiGLU with the gate in fc12, rotation of head halves, fused Wqkv, token type 0 added; no Normalize. n_inner is a multiple of 256, to which the original code rounds it up", nomic_config(), normalize=False),
        "nomic-bf16": one(f"{told}; BF16 weights, head size 10, rotary base 100, epsilon 1e-3", small, dtype=torch.bfloat16),
        "nomic-saved": one("written by the installed sentence-transformers: hidden_size and so on, rope_parameters", nomic_config(n_layer=1), resave=True),
    }  # fmt: skip


def new_config(**more):
    auto = "Alibaba-NLP/new-impl--"
    return {
        "architectures": ["NewModel"], "attention_probs_dropout_prob": 0.0, "auto_map": {"AutoConfig": auto + "configuration.NewConfig", "AutoModel": auto + "modeling.NewModel"},
        "classifier_dropout": None, "hidden_act": "gelu", "hidden_dropout_prob": 0.1, "hidden_size": 32, "initializer_range": 0.02, "intermediate_size": 44, "layer_norm_eps": 1e-12,
        "layer_norm_type": "layer_norm", "logn_attention_clip1": False, "logn_attention_scale": False, "max_position_embeddings": 8192, "model_type": "new", "num_attention_heads": 4,
        "num_hidden_layers": 2, "pack_qkv": True, "pad_token_id": 0, "position_embedding_type": "rope", "rope_scaling": {"factor": 2.0, "type": "ntk"}, "rope_theta": 500000,
        "type_vocab_size": 0, "unpad_inputs": False, "use_memory_efficient_attention": False, "vocab_size": 484, **more,
    }  # fmt: skip


def gte_native(config):
    """NTK scaling by f, https://kexue.fm/archives/9706 (6): base theta f, every frequency divided by f^(2/d)."""
    keep = ("hidden_act", "hidden_size", "intermediate_size", "layer_norm_eps", "max_position_embeddings", "num_attention_heads", "num_hidden_layers", "pad_token_id", "type_vocab_size", "vocab_size")
    rope = {"rope_type": "default", "rope_theta": config["rope_theta"]}
    if config["rope_scaling"]:
        factor = config["rope_scaling"]["factor"]
        head_dim = config["hidden_size"] // config["num_attention_heads"]
        rope = {"rope_type": "linear", "rope_theta": config["rope_theta"] * factor, "factor": factor ** (2 / head_dim)}
    return {"architectures": ["GteModel"], "model_type": "gte", "rope_parameters": rope, **{k: config[k] for k in keep}}


def new_names(weights):
    renames = [("layers.", "encoder.layer."), ("self_attn.o_proj", "attention.o_proj"), ("self_attn.qkv_proj", "attention.qkv_proj"), ("post_attention_layernorm", "attn_ln"), ("post_mlp_layernorm", "mlp_ln")]
    return fuse(weights, [[f"self_attn.{x}_proj" for x in "qkv"], ["mlp.up_proj", "mlp.gate_proj"]], ["self_attn.qkv_proj", "mlp.up_gate_proj"], renames)


def new():
    told = "config.json and tensor names of Alibaba-NLP's gte models (model_type new); vectors by transformers' own GteModel, config.json put into its terms"

    def one(note, config, tokenizer=tiny_tokenizers.bert, **more):
        return Family(note, tokenizer, config, reference=gte_native(config), hub_names=new_names, **{"pool": ("cls_token",), "texts": BRACKETS, "tokenizer_config": {"model_max_length": 32768}, **more})

    two_types = new_config(type_vocab_size=2, rope_scaling=None, rope_theta=160000, hidden_size=30, num_attention_heads=3, layer_norm_eps=1e-3)
    return {
        "new-ntk": one(f"{told}; gte-base-en-v1.5: no token types, NTK scaling of rotary positions by 2; fused qkv_proj with bias, up_gate_proj without (the gate is its second half), down_proj with", new_config(), normalize=False),
        "new-types": one(f"{told}; gte-large-en-v1.5: two token types; no scaling, head size 10, epsilon 1e-3; mean pooling; F16 weights", two_types, pool=("mean_tokens",), dtype=torch.float16),
        "new-multilingual": one(f"{told}; gte-multilingual-base: names with 'new.', XLM-R's tokenizer, one token type; NTK scaling by 8; F16 weights", new_config(type_vocab_size=1, rope_scaling={"factor": 8.0, "type": "ntk"}, rope_theta=20000, pad_token_id=1, vocab_size=432), tiny_tokenizers.xlm_roberta, prefix="new.", dtype=torch.float16, texts=ANGLED),
        "new-saved": one("written by the installed sentence-transformers: model_type gte, NTK scaling as linear scaling with another base", new_config(num_hidden_layers=1), resave=True),
    }  # fmt: skip


def families():
    return roberta() | xlm_roberta() | distilbert() | mpnet() | t5() | qwen3() | modernbert() | gemma3() | nomic() | new()
