/* tensor.h - a checkpoint's tensors as the encoder and the modules behind it need them: there, of a type and shape that are
 * expected, read as float32. */
#ifndef VECD_NN_TENSOR_H
#define VECD_NN_TENSOR_H

#include "fmt/checkpoint.h"

/* VECD_BAD_MODEL: the file, the tensor called `name`, and `what` is wrong with it. */
VECD_CHECK vecd_status vecd_tensor_fault(const vecd_checkpoint *file, const char *name, const char *what, vecd_err *err);

/* Finds `name` and checks that it holds F32, F16 or BF16 and has shape [rows, cols], or [rows] where cols is 0.
 * VECD_OK; VECD_BAD_MODEL. */
VECD_CHECK vecd_status vecd_tensor_find(const vecd_checkpoint *file, const char *name, size_t rows, size_t cols,
                                        const vecd_tensor **out, vecd_err *err);

/* Copies n values of such a tensor, from value `first` on, into out as float32. */
void vecd_tensor_read_f32(const vecd_tensor *t, size_t first, size_t n, float *out);

/* The same, and VECD_BAD_MODEL where one of them is NaN or infinite. */
VECD_CHECK vecd_status vecd_tensor_read_finite(const vecd_checkpoint *file, const vecd_tensor *t, size_t first, size_t n,
                                               float *out, vecd_err *err);

#endif
