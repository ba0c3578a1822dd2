/* Whole functions in assembly: for loops that no compiler gets right, beside the same in C. */
#ifndef CARDC_ASSEMBLY_H
#define CARDC_ASSEMBLY_H

#include "cardc_types.h"

/* 1 where Thumb's instructions are used by name; CARDC_ASSEMBLY 0 selects plain C. */
#ifndef CARDC_ASSEMBLY
#if defined(__thumb__) && defined(__GNUC__) && !defined(__ARM_BIG_ENDIAN)
#define CARDC_ASSEMBLY 1
#else
#define CARDC_ASSEMBLY 0
#endif
#endif

/* 1 where the core has MVE (Helium), vectors of 16 bytes. */
#ifndef CARDC_MVE
#if CARDC_ASSEMBLY && defined(__ARM_FEATURE_MVE)
#define CARDC_MVE 1
#else
#define CARDC_MVE 0
#endif
#endif

/* 1 where the core has the DSP extension: two products of halves at a time. */
#ifndef CARDC_DSP
#if CARDC_ASSEMBLY && defined(__ARM_FEATURE_SIMD32) && CARDC_UNALIGNED
#define CARDC_DSP 1
#else
#define CARDC_DSP 0
#endif
#endif

#if CARDC_ASSEMBLY
#define CARDC_NAKED static __attribute__((naked, noinline))
#define CARDC_UNUSED __attribute__((unused))
#endif

#endif
