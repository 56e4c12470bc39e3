/*
 * Stand-in for a RISC-V board: QEMU's `virt` machine.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#define VIRT_FLAGS TM_FLAG_STAND_IN
#include "../_stand_in_virt/virt.h"
