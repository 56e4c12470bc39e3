/*
 * The generic firmware: serves one network over the port's byte stream (docs/protocol.md).
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_RUNNER_H
#define TM_RUNNER_H

#include "tm/model.h"
#include "tm/port.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TM_PROTOCOL_VERSION 1

/* Largest payload of a frame, set per board: two frames of this size are the runner's RAM. 128..65528, a multiple of 8. */
#ifndef TM_RUNNER_PAYLOAD
#define TM_RUNNER_PAYLOAD 128
#endif

/*
 * Answers requests until the stream ends (host), for ever on a device. Call after tm_port_init().
 * arena: arena_bytes >= m->arena_bytes at a multiple of m->arena_align. A model that does not fit is reported by IDENTIFY.
 */
void tm_runner(const tm_model *m, uint8_t *arena, uint32_t arena_bytes);

/* For a port's fault handler, on a valid stack: tells the host cause and program counter in an unasked-for frame. */
void tm_runner_fault(uint32_t cause, uint32_t pc);

#ifdef __cplusplus
}
#endif

#endif /* TM_RUNNER_H */
