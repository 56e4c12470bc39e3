/*
 * Stand-in for a Cortex-M board: Arm MPS2 (AN385/AN386/AN500).
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#define MPS2_FLAGS TM_FLAG_STAND_IN
#include "../_stand_in_mps2/mps2.h"
