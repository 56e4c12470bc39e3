/*
 * Armv7E-M: the inner loop of convolutions on packed pairs of output channels (layout: tm/conv_2d_pairs.h).
 *
 * Two pixels by two channels: SMLAD of widened inputs with the raw word sums S0 + 256 * S1, SXTB16 in place leaves the first
 * channel's weights, and one more SMLAD sums S0. So a word holds four weights, and two channels cost one widening.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_PAIR_JOB_DSP_H
#define TM_PAIR_JOB_DSP_H

#include "tm/base.h"

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP

/* What the assembly below reads, in this order. */
typedef struct tm_pair_job {
  const int32_t *w;     /* words, at the first pair to compute */
  const int32_t *q;     /* that pair's record; two words behind the last one are read and not used */
  int8_t *y;            /* first pixel's first channel to write */
  ptrdiff_t apart;      /* from the first pixel's outputs to the second's; 0 where there is no second one */
  const uint32_t *x;    /* the two pixels' widened inputs */
  const int8_t *y_end;
  const uint32_t *x_end;
  uint32_t entry, main; /* where a pair goes on after eight inputs: at a lone four or among the eights, and where after that */
} tm_pair_job;

/* A form that no layer of a network needs is left out of its firmware (-D...=0). */
#ifndef TM_PAIRS_ONE_SIGN
#define TM_PAIRS_ONE_SIGN 1
#endif
#ifndef TM_PAIRS_ANY_SIGN
#define TM_PAIRS_ANY_SIGN 1
#endif

#ifdef __cplusplus
extern "C" {
#endif

/*
 * All pairs of a job, in the form of requantisation that tm/conv_2d_pairs.h calls any_sign == 0, or 1. With job->entry == 0, fills in
 * entry and main instead, from job->apart: the
 * number of groups of four inputs behind the first two.
 */
void tm_pairs_one_sign_dsp(tm_pair_job *job);
void tm_pairs_any_sign_dsp(tm_pair_job *job);

#ifdef __cplusplus
}
#endif

typedef void (*tm_pair_loop)(tm_pair_job *job);

/* The loop of a form, NULL where the firmware has none. */
static inline tm_pair_loop tm_pairs_loop(int32_t any_sign) {
#if TM_PAIRS_ONE_SIGN && TM_PAIRS_ANY_SIGN
  return any_sign != 0 ? tm_pairs_any_sign_dsp : tm_pairs_one_sign_dsp;
#elif TM_PAIRS_ONE_SIGN
  return any_sign != 0 ? NULL : tm_pairs_one_sign_dsp;
#elif TM_PAIRS_ANY_SIGN
  return any_sign != 0 ? tm_pairs_any_sign_dsp : NULL;
#else
  (void)any_sign;
  return NULL;
#endif
}

#endif
#endif /* TM_PAIR_JOB_DSP_H */
