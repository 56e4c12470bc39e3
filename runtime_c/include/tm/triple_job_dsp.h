/*
 * Armv7E-M: the inner loop of convolutions on packed pairs of output channels (layout: tm/conv_2d_pairs.h), three pixels at a time.
 * Beside tm/pair_job_dsp.h, for rows of an odd number of pixels: 17 instructions for 24 products.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_TRIPLE_JOB_DSP_H
#define TM_TRIPLE_JOB_DSP_H

#include "tm/base.h"

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP

/* What the assembly below reads, in this order. */
typedef struct tm_triple_job {
  const uint32_t *x;    /* widened inputs: per group the three pixels' inputs 0 and 2, then their inputs 1 and 3 */
  const int32_t *w;     /* words, at the first pair to compute */
  int8_t *y;            /* first pixel's first channel to write */
  ptrdiff_t apart;      /* from a pixel's outputs to the next one's; on the first call the number of groups of four inputs */
  const int32_t *q_end; /* behind the last pair's record; two words there are read and not used */
  const int32_t *q;     /* the first pair's record */
  uint32_t entry;       /* into the unrolled loop */
  const uint32_t *x_end;
} tm_triple_job;

/* A form that no layer of a network needs is left out of its firmware (-D...=0). */
#ifndef TM_TRIPLES_ONE_SIGN
#define TM_TRIPLES_ONE_SIGN 1
#endif
#ifndef TM_TRIPLES_ANY_SIGN
#define TM_TRIPLES_ANY_SIGN 1
#endif
/* Three pixels together at all: what else the kernels have for it. */
#ifndef TM_TRIPLES
#define TM_TRIPLES 1
#endif

#ifdef __cplusplus
extern "C" {
#endif

/*
 * All pairs of a job, in the form of requantisation that tm/conv_2d_pairs.h calls any_sign == 0, or 1. With job->entry == 0, fills in
 * entry instead, from job->apart: the
 * number of groups of four inputs.
 */
void tm_triples_one_sign_dsp(tm_triple_job *job);
void tm_triples_any_sign_dsp(tm_triple_job *job);

#ifdef __cplusplus
}
#endif

typedef void (*tm_triple_loop)(tm_triple_job *job);

/* The loop of a form, NULL where the firmware has none. */
static inline tm_triple_loop tm_triples_loop(int32_t any_sign) {
#if TM_TRIPLES_ONE_SIGN && TM_TRIPLES_ANY_SIGN
  return any_sign != 0 ? tm_triples_any_sign_dsp : tm_triples_one_sign_dsp;
#elif TM_TRIPLES_ONE_SIGN
  return any_sign != 0 ? NULL : tm_triples_one_sign_dsp;
#elif TM_TRIPLES_ANY_SIGN
  return any_sign != 0 ? tm_triples_any_sign_dsp : NULL;
#else
  (void)any_sign;
  return NULL;
#endif
}

#endif
#endif /* TM_TRIPLE_JOB_DSP_H */
