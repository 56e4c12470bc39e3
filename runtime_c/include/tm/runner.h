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

/* 1: the text commands of the MLPerf Tiny runner are answered as well. */
#ifndef TM_RUNNER_TEXT
#define TM_RUNNER_TEXT 1
#endif

/* 0: leaves out what only a model needs whose input comes row by row (tm_model.push_row). */
#ifndef TM_RUNNER_PUSH
#define TM_RUNNER_PUSH 1
#endif

/*
 * Bytes in which a text session keeps the model's inputs, so that `infer` may run more than once; the buffer of answers
 * (TM_RUNNER_PAYLOAD + 16) serves where it is larger. Set it to the size of the inputs where RAM is left.
 */
#ifndef TM_RUNNER_DB_BYTES
#define TM_RUNNER_DB_BYTES 0
#endif

/*
 * Answers requests until the stream ends (host), for ever on a device. Call after tm_port_init().
 * arena: arena_bytes >= m->arena_bytes at a multiple of m->arena_align, which knows its further arenas (tm_arena_set). A model that does not fit is reported by IDENTIFY.
 */
void tm_runner(const tm_model *m, uint8_t *arena, uint32_t arena_bytes);

/* For a port's fault handler, on a valid stack: tells the host cause and program counter in an unasked-for frame. */
void tm_runner_fault(uint32_t cause, uint32_t pc);

#ifdef __cplusplus
}
#endif

#endif /* TM_RUNNER_H */
