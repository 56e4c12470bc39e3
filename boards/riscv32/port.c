/*
 * A generic RV32IMC machine, as QEMU's `virt` is one.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#define VIRT_FLAGS 0
#include "../_stand_in_virt/virt.h"
