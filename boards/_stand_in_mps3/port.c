/*
 * Stand-in for a Cortex-M55 or Cortex-M85 board: Arm MPS3 with Corstone-300 (AN547).
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#define MPS3_FLAGS ((uint32_t)TM_FLAG_STAND_IN)
#include "../_stand_in_mps3/mps3.h"
