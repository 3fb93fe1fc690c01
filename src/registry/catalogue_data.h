/* catalogue_data.h - catalogue.json as bytes; the build makes the .c file of it (tools/embed_file.py). */
#ifndef VECD_REGISTRY_CATALOGUE_DATA_H
#define VECD_REGISTRY_CATALOGUE_DATA_H

#include <stddef.h>

extern const char vecd_catalogue_data[];
extern const size_t vecd_catalogue_data_len;

#endif
