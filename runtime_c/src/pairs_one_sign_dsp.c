/*
 * The inner loop of convolutions on packed pairs, two pixels at a time, any_sign == 0. Contract: tm/pair_job_dsp.h. Empty on other cores.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tm/base.h"

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP
#include "tm/pair_loop_dsp.h"

PAIRS(tm_pairs_one_sign_dsp, "", ONE_SIGN_OUTPUTS)
#else
/* ISO C forbids an empty translation unit */
typedef int tm_pairs_one_sign_dsp_not_built;
#endif
