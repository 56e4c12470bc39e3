/*
 * Armv7E-M: an output in two instructions, from a sum that arrives multiplied by a power of two:
 *   y = sat8((add + floor(2^scale * acc * mult / 2^32)) >> TM_FIXED_SHIFT)
 * The shift is the same for every channel of every layer, so that SSAT has it in itself. The lowering proves for which multipliers and
 * addends that equals LiteRT's two roundings (converter/ops/variants/_fixed.py).
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_FIXED_SHIFT_DSP_H
#define TM_FIXED_SHIFT_DSP_H

#define TM_FIXED_SHIFT 12
/* The same as a string, and what follows from it for a multiplier with the shift e: its sum is shifted left by TM_FIXED_LEFT - e, or, where
 * the sum arrives multiplied by 256, it loses e - TM_FIXED_LOST bits. */
#define TM_FIXED_AT "12"
#define TM_FIXED_LEFT "13"
#define TM_FIXED_LOST "5"
/* x: sum, y: register for the output, which may be x; m: mult, c: add. Registers, as strings. */
#define TM_FIXED_OUTPUT_TO(y, x, m, c) "smmla " y ", " x ", " m ", " c "\n ssat " y ", #8, " y ", asr #" TM_FIXED_AT "\n"
#define TM_FIXED_OUTPUT(x, m, c) TM_FIXED_OUTPUT_TO(x, x, m, c)

#endif /* TM_FIXED_SHIFT_DSP_H */
