/*
 * Frames of the runner's protocol: see docs/protocol.md. Internal to the runner.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_RUNNER_FRAME_H
#define TM_RUNNER_FRAME_H

#include "tm/runner.h"

#define TM_FRAME_HEADER 12u
#define TM_FRAME_CRC 4u
#define TM_FRAME_SYNC0 0xA5u
#define TM_FRAME_SYNC1 0x5Au
#define TM_FRAME_ANSWER 0x80u
#define TM_FRAME_FAULT 0xFFu /* command of the unasked-for fault frame */

TM_STATIC_ASSERT(TM_RUNNER_PAYLOAD >= 128 && TM_RUNNER_PAYLOAD <= 65528 && TM_RUNNER_PAYLOAD % 8 == 0, "see tm/runner.h");

/* First byte of every answer's payload. */
typedef enum tm_answer {
  TM_ANSWER_OK = 0,
  TM_ANSWER_BAD_FRAME = 1,  /* damaged on the way: send it again */
  TM_ANSWER_VERSION = 2,    /* another protocol version */
  TM_ANSWER_COMMAND = 3,    /* unknown command */
  TM_ANSWER_SESSION = 4,    /* not the session of the last IDENTIFY: the device has been reset */
  TM_ANSWER_SEQUENCE = 5,   /* neither the last sequence number nor the next */
  TM_ANSWER_ARGUMENT = 6,   /* index, offset or length out of range */
  TM_ANSWER_INPUT = 7,      /* chunk out of order, or the running CRC differs: start the input again */
  TM_ANSWER_NOT_READY = 8,  /* inputs incomplete, or the tensor does not exist at this step */
  TM_ANSWER_MODEL = 9       /* a kernel or the set-up failed; the next byte is its tm_status */
} tm_answer;

typedef struct tm_frame {
  uint8_t version, command;
  uint16_t session, seq, len;
} tm_frame;

typedef struct tm_frame_reader {
  uint64_t stale_ticks; /* a pause of this many ticks in the middle of a frame ends it; set by the owner, as is */
  uint64_t count_mask;  /* the counter's width */
  uint32_t n;    /* bytes in buf */
  uint32_t used; /* bytes of the frame or line handed out last; dropped by the next read */
  uint32_t lost; /* in the middle of something unknown: not text before the next end of a line */
  TM_ALIGNED(8) uint8_t buf[TM_FRAME_HEADER + TM_RUNNER_PAYLOAD + TM_FRAME_CRC];
} tm_frame_reader;

typedef enum tm_frame_result { TM_FRAME_OK, TM_FRAME_DAMAGED, TM_FRAME_TOO_LONG, TM_FRAME_TEXT, TM_FRAME_END } tm_frame_result;

/* CRC-32 (IEEE 802.3, reflected 0xEDB88320). Start with 0; feed the result back to continue. */
uint32_t tm_crc32(uint32_t crc, const uint8_t *p, uint32_t n);

/*
 * Waits for a frame with a whole header, or a line of text.
 * TM_FRAME_OK: its payload is at buf + TM_FRAME_HEADER until the next call, which drops it.
 * TM_FRAME_DAMAGED, TM_FRAME_TOO_LONG: *f is the header of a frame whose rest cannot be used, all zero where the header was
 * damaged itself; the bytes after its first are searched for the next frame, so that a repetition that follows at once is found.
 * TM_FRAME_TEXT (only with TM_RUNNER_TEXT): f->len >= 1 printable characters at buf, and one byte behind them that may be
 * written. A line ends with '%', CR, LF or NUL.
 */
tm_frame_result tm_frame_read(tm_frame_reader *r, tm_frame *f);

/* Completes the frame whose f->len payload bytes lie at buf + TM_FRAME_HEADER. Returns its size in bytes. */
uint32_t tm_frame_seal(uint8_t *buf, const tm_frame *f);

static inline uint32_t tm_get16(const uint8_t *p) { return (uint32_t)p[0] | ((uint32_t)p[1] << 8); }
static inline uint32_t tm_get32(const uint8_t *p) { return tm_get16(p) | (tm_get16(p + 2) << 16); }

static inline uint64_t tm_get64(const uint8_t *p) { return tm_get32(p) | ((uint64_t)tm_get32(p + 4) << 32); }

static inline uint8_t *tm_put16(uint8_t *p, uint32_t v) {
  p[0] = (uint8_t)v;
  p[1] = (uint8_t)(v >> 8);
  return p + 2;
}

static inline uint8_t *tm_put32(uint8_t *p, uint32_t v) { return tm_put16(tm_put16(p, v), v >> 16); }
static inline uint8_t *tm_put64(uint8_t *p, uint64_t v) { return tm_put32(tm_put32(p, (uint32_t)v), (uint32_t)(v >> 32)); }

#endif /* TM_RUNNER_FRAME_H */
