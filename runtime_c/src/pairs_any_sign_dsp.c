/*
 * The inner loop of convolutions on packed pairs, two pixels at a time, any_sign == 1. Contract: tm/pair_job_dsp.h. Empty on other cores.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/base.h"

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP
#include "tm/pair_loop_dsp.h"

/* S0 and 256 * S1 become 2 * S0, 2 * S1. */
PAIRS(tm_pairs_any_sign_dsp, "lsl r2, r2, #1\n lsl r12, r12, #1\n asr r3, r3, #7\n asr lr, lr, #7\n", ANY_SIGN_OUTPUTS)
#else
/* ISO C forbids an empty translation unit */
typedef int tm_pairs_any_sign_dsp_not_built;
#endif
