/*
 * Arm MPS3 with Corstone-300 (AN547).
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#define MPS3_FLAGS 0u
#include "../_stand_in_mps3/mps3.h"
