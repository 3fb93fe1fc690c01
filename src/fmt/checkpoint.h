/* checkpoint.h - a model's weights, in one .safetensors file or in several ("shards") that an index lists.
 *
 * The index, model.safetensors.index.json, has an object "weight_map" {tensor: file}, the files' paths being relative to its own
 * folder (https://huggingface.co/docs/transformers/big_models). All shards are mapped and checked when the checkpoint opens: each
 * tensor the map names lies in the file it names, and no tensor lies in two. Tensors of a shard that the map leaves out are found
 * as well, as transformers does. */
#ifndef VECD_FMT_CHECKPOINT_H
#define VECD_FMT_CHECKPOINT_H

#include "fmt/safetensors.h"

typedef struct vecd_checkpoint vecd_checkpoint;

/* path  of the weights, or of the index: that is what ends in ".json".
 * VECD_OK; VECD_NOT_FOUND the file or a shard; VECD_IO; VECD_BAD_MODEL (err names file, tensor and fault); VECD_UNSUPPORTED;
 * VECD_NO_MEMORY. */
VECD_CHECK vecd_status vecd_checkpoint_open(const char *path, vecd_checkpoint **out, vecd_err *err);
void vecd_checkpoint_close(vecd_checkpoint **checkpoint);

/* The tensor called `name`, or NULL. Lives until close. */
const vecd_tensor *vecd_checkpoint_find(const vecd_checkpoint *checkpoint, const char *name);

/* The file to blame for the tensor called `name`: the shard it lies in, else the path the checkpoint was opened by. */
const char *vecd_checkpoint_file_of(const vecd_checkpoint *checkpoint, const char *name);

/* The kernel may take back the tensor's pages: it has been packed and is not needed soon. */
void vecd_checkpoint_drop(const vecd_checkpoint *checkpoint, const vecd_tensor *t);

/* The files, in the order in which the index names them first. */
size_t vecd_checkpoint_n_shards(const vecd_checkpoint *checkpoint);
const vecd_safetensors *vecd_checkpoint_shard(const vecd_checkpoint *checkpoint, size_t i);

#endif
