/* unroll.h - a loop over a constant number of accumulators must vanish, or they go through memory. */
#ifndef VECD_KERN_UNROLL_H
#define VECD_KERN_UNROLL_H

#if defined(__clang__) /* 14 does not know gcc's */
#define VECD_UNROLL_ALL _Pragma("clang loop unroll(full)")
#else
#define VECD_UNROLL_ALL _Pragma("GCC unroll 32")
#endif

#endif
