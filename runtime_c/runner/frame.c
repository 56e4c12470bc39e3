/*
 * Framing: finding whole frames in a stream that may lose, repeat or change bytes.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "frame.h"

#include <string.h>

uint32_t tm_crc32(uint32_t crc, const uint8_t *p, uint32_t n) {
  /* Four bits at a time: 64 bytes of flash instead of 1024. */
  static const uint32_t table[16] = {0x00000000u, 0x1DB71064u, 0x3B6E20C8u, 0x26D930ACu, 0x76DC4190u, 0x6B6B51F4u,
                                     0x4DB26158u, 0x5005713Cu, 0xEDB88320u, 0xF00F9344u, 0xD6D6A3E8u, 0xCB61B38Cu,
                                     0x9B64C2B0u, 0x86D3D2D4u, 0xA00AE278u, 0xBDBDF21Cu};
  crc = ~crc;
  for (uint32_t i = 0; i < n; ++i) {
    crc ^= p[i];
    crc = (crc >> 4) ^ table[crc & 15u];
    crc = (crc >> 4) ^ table[crc & 15u];
  }
  return ~crc;
}

static uint32_t header_check(const uint8_t *buf) { return tm_crc32(0, buf + 2, TM_FRAME_HEADER - 4u) & 0xFFFFu; }

/* Drops n bytes, then everything before the next possible start of a frame. */
static void resync(tm_frame_reader *r, uint32_t n) {
  while (n < r->n && (r->buf[n] != TM_FRAME_SYNC0 || (n + 1u < r->n && r->buf[n + 1u] != TM_FRAME_SYNC1))) {
    ++n;
  }
  r->n -= n;
  memmove(r->buf, r->buf + n, r->n);
}

/* Reads until `n` bytes are in the buffer. 0: the stream has ended. */
static int fill(tm_frame_reader *r, uint32_t n) {
  while (r->n < n) {
    const uint32_t got = tm_port_read(r->buf + r->n, n - r->n);
    if (got == 0) {
      return 0;
    }
    r->n += got;
  }
  return 1;
}

static int read_header(tm_frame_reader *r, tm_frame *f) {
  for (;;) {
    resync(r, 0);
    if (r->n < TM_FRAME_HEADER) {
      /* Two bytes first: a stream of garbage is skipped without waiting for more than a frame's start. */
      if (!fill(r, r->n < 2u ? 2u : TM_FRAME_HEADER)) {
        return 0;
      }
      continue;
    }
    if (tm_get16(r->buf + 10) == header_check(r->buf)) {
      break;
    }
    resync(r, 1);
  }
  f->version = r->buf[2];
  f->command = r->buf[3];
  f->session = (uint16_t)tm_get16(r->buf + 4);
  f->seq = (uint16_t)tm_get16(r->buf + 6);
  f->len = (uint16_t)tm_get16(r->buf + 8);
  return 1;
}

tm_frame_result tm_frame_read(tm_frame_reader *r, tm_frame *f) {
  resync(r, r->used);
  r->used = 0;
  if (!read_header(r, f)) {
    return TM_FRAME_END;
  }
  if (f->len > TM_RUNNER_PAYLOAD) {
    resync(r, 1);
    return TM_FRAME_TOO_LONG;
  }
  const uint32_t body = TM_FRAME_HEADER + f->len;
  if (!fill(r, body + TM_FRAME_CRC)) {
    return TM_FRAME_END;
  }
  if (tm_get32(r->buf + body) != tm_crc32(0, r->buf + 2, body - 2u)) {
    resync(r, 1);
    return TM_FRAME_DAMAGED;
  }
  r->used = body + TM_FRAME_CRC; /* a damaged frame may have left more than this one behind */
  return TM_FRAME_OK;
}

uint32_t tm_frame_seal(uint8_t *buf, const tm_frame *f) {
  const uint32_t body = TM_FRAME_HEADER + f->len;
  buf[0] = TM_FRAME_SYNC0;
  buf[1] = TM_FRAME_SYNC1;
  buf[2] = f->version;
  buf[3] = f->command;
  tm_put16(buf + 4, f->session);
  tm_put16(buf + 6, f->seq);
  tm_put16(buf + 8, f->len);
  tm_put16(buf + 10, header_check(buf));
  tm_put32(buf + body, tm_crc32(0, buf + 2, body - 2u));
  return body + TM_FRAME_CRC;
}
