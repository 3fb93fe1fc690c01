/* show_modules.h - the part of `vecd show` that tells how vectors are made: modules, prompts, files of weights. */
#ifndef VECD_CMD_SHOW_MODULES_H
#define VECD_CMD_SHOW_MODULES_H

#include "cmd/facts.h"
#include "fmt/checkpoint.h"
#include "fmt/model_folder.h"

/* All modules, in order. */
void vecd_show_modules(vecd_facts *f, const vecd_model_folder *folder);

/* The prompts, whose they are, and which is the default. */
void vecd_show_prompts(vecd_facts *f, const vecd_model_folder *folder);

/* The shards, where the weights lie in several files. */
void vecd_show_shards(vecd_facts *f, const vecd_model_folder *folder, const vecd_checkpoint *weights);

#endif
