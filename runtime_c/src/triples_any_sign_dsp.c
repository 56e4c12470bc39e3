/*
 * The inner loop of convolutions on packed pairs, three pixels at a time, any_sign == 1. Contract: tm/triple_job_dsp.h. Empty on other cores.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/base.h"

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP
#include "tm/triple_loop_dsp.h"

/* S0 and 256 * S1 become 2 * S0, 2 * S1. */
TRIPLES(tm_triples_any_sign_dsp, 
        "lsl r10, r10, #1\n lsl r11, r11, #1\n lsl r12, r12, #1\n asr r7, r7, #7\n asr r8, r8, #7\n asr r9, r9, #7\n", ANY_SIGN3)
#else
/* ISO C forbids an empty translation unit */
typedef int tm_triples_any_sign_dsp_not_built;
#endif
