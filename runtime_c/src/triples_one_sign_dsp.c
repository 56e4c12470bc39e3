/*
 * The inner loop of convolutions on packed pairs, three pixels at a time, any_sign == 0. Contract: tm/triple_job_dsp.h. Empty on other cores.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/base.h"

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP
#include "tm/triple_loop_dsp.h"

/* S0 is shifted, 256 * S1 stays. */
TRIPLES(tm_triples_one_sign_dsp, "lsl r10, r10, r3\n lsl r11, r11, r3\n lsl r12, r12, r3\n", ONE_SIGN3)
#else
/* ISO C forbids an empty translation unit */
typedef int tm_triples_one_sign_dsp_not_built;
#endif
