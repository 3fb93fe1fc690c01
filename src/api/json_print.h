/* json_print.h - JSON text into a buffer, piece by piece: replies are printed straight into the bytes that are sent, with no
 * tree of values between. Appending never fails half-way (base/buf.h): the one check stands at the end. */
#ifndef VECD_API_JSON_PRINT_H
#define VECD_API_JSON_PRINT_H

#include <jansson.h>

#include "base/buf.h"

/* "text" in quotes, escaped. Valid UTF-8 goes through as it is; a byte that is part of none becomes U+FFFD, so that the reply
 * is JSON whatever a file's name holds. */
void vecd_print_string(vecd_buf *buf, vecd_span text);

/* The same of a NUL-terminated string; null for NULL. */
void vecd_print_str(vecd_buf *buf, const char *text);

/* {"error":"text"}: the body of every refusal. */
void vecd_print_error(vecd_buf *buf, const char *text);

/* n in decimal. */
void vecd_print_uint(vecd_buf *buf, uint64_t n);

/* n, or null for 0: of a fact that is not known. */
void vecd_print_uint_or_null(vecd_buf *buf, uint64_t n);

/* x >= 0 to three decimals at the most, or null for 0. */
void vecd_print_number_or_null(vecd_buf *buf, double x);

/* A JSON value of strings, arrays and objects, as it is; null for NULL. */
void vecd_print_json(vecd_buf *buf, json_t *value); /* read-only */

/* [1.5,-0.25,...]: each the shortest text that reads back to the same float32. False: a value is not finite, which JSON cannot
 * say; what was appended is then of no use. */
bool vecd_print_floats(vecd_buf *buf, const float *values, size_t n);

/* "AAAAPwAAgL8=": the same as base64 (RFC 4648, padded) of n little-endian float32, in quotes. False: as above, with nothing
 * appended. */
bool vecd_print_floats_base64(vecd_buf *buf, const float *values, size_t n);

/* Characters of one value in either form, its comma included: few vectors take more. For making room beforehand. */
#define VECD_PRINT_FLOAT_BYTES  13
#define VECD_PRINT_BASE64_BYTES 6

#endif
