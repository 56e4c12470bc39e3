/*
 * Arm MPS2 with AN385, a Cortex-M3.
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#define MPS2_FLAGS 0
#include "../_stand_in_mps2/mps2.h"
