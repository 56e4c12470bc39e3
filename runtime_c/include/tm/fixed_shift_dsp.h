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
/* x: sum, which the output replaces; m: mult, c: add. Registers, as strings. */
#define TM_FIXED_OUTPUT(x, m, c) "smmla " x ", " x ", " m ", " c "\n ssat " x ", #8, " x ", asr #12\n"

#endif /* TM_FIXED_SHIFT_DSP_H */
