/*
 * Steps of a network as data: the numbers of a kernel's params and arguments as bytes.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_STEPS_H
#define TM_STEPS_H

#include "tm/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Makes a step of an arena; code: what the step's bytes hold beside the number of this function. */
typedef tm_status (*tm_step_fn)(uint8_t *arena, const uint8_t *code);

/*
 * Decodes n numbers into 32-bit words from `to` on, which may be the first n members of a params struct. Returns where the next number
 * begins. A number has seven bits in each byte, lowest first; the top bit is set in all bytes but its last; of its value the lowest bit
 * says that the others are to be inverted. The two bytes 128, 0 stand for four numbers: behind the w and c of a tm_geom, what makes
 * it dense (w * c, c, 0, 0). Any alignment of `to`.
 */
const uint8_t *tm_step_numbers(void *to, uint32_t n, const uint8_t *code);

#ifdef __cplusplus
}
#endif

#endif /* TM_STEPS_H */
