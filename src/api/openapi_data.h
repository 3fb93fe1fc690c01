/* openapi_data.h - docs/openapi.json as bytes; the build makes the .c file of it (tools/embed_file.py). */
#ifndef VECD_API_OPENAPI_DATA_H
#define VECD_API_OPENAPI_DATA_H

#include <stddef.h>

extern const char vecd_openapi_data[];
extern const size_t vecd_openapi_data_len;

#endif
