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

static void drop(tm_frame_reader *r, uint32_t n) {
  r->n -= n;
  memmove(r->buf, r->buf + n, r->n);
}

typedef enum fill_result { FILL_OK, FILL_END, FILL_STALE } fill_result;

/*
 * Reads until `n` bytes are in the buffer. FILL_STALE: the sender has paused in the middle of a frame for longer than any
 * line does, so what it began is gone from the buffer, and what came now begins something new.
 */
static fill_result fill(tm_frame_reader *r, uint32_t n) {
  while (r->n < n) {
    const uint64_t before = tm_port_count();
    const uint32_t got = tm_port_read(r->buf + r->n, n - r->n);
    if (got == 0) {
      return FILL_END;
    }
    const uint32_t old = r->n;
    r->n += got;
    if (old > 0 && ((tm_port_count() - before) & r->count_mask) > r->stale_ticks) {
      drop(r, old);
      r->lost = 0;
      return FILL_STALE;
    }
  }
  return FILL_OK;
}

typedef enum find_result { FIND_LINE, FIND_AGAIN, FIND_MORE } find_result;

#if TM_RUNNER_TEXT
static int ends_line(uint8_t c) { return c == '%' || c == '\r' || c == '\n' || c == '\0'; }

/* The buffer does not start with a frame. FIND_LINE: it starts with *len characters of text; FIND_AGAIN: it has been shortened. */
static find_result find_line(tm_frame_reader *r, uint32_t *len) {
  uint32_t k = 0;
  while (k < r->n && r->buf[k] >= 32u && r->buf[k] < 127u && r->buf[k] != '%') {
    ++k;
  }
  if (k == r->n && k < sizeof r->buf) {
    return FIND_MORE;
  }
  if (k < r->n && ends_line(r->buf[k])) {
    const int whole = r->lost == 0 && k > 0;
    r->lost = 0;
    if (whole) {
      *len = k;
      return FIND_LINE;
    }
    ++k;
  } else {
    r->lost = 1; /* not text, or longer than any command; the byte at k may begin a frame */
  }
  drop(r, k > 0 ? k : 1u);
  return FIND_AGAIN;
}
#else
static find_result find_line(tm_frame_reader *r, uint32_t *len) {
  uint32_t k = 1;
  (void)len;
  if (r->n == 0) {
    return FIND_MORE;
  }
  while (k < r->n && r->buf[k] != TM_FRAME_SYNC0) {
    ++k;
  }
  drop(r, k);
  return FIND_AGAIN;
}
#endif

/* The buffer does not hold a frame from here on: what follows is searched for one. */
static tm_frame_result damaged(tm_frame_reader *r, tm_frame_result what) {
  drop(r, 1);
  r->lost = 1;
  return what;
}

/* The buffer starts with a frame's header. */
static tm_frame_result read_body(tm_frame_reader *r, tm_frame *f, fill_result *filled) {
  f->version = r->buf[2];
  f->command = r->buf[3];
  f->session = (uint16_t)tm_get16(r->buf + 4);
  f->seq = (uint16_t)tm_get16(r->buf + 6);
  f->len = (uint16_t)tm_get16(r->buf + 8);
  if (f->len > TM_RUNNER_PAYLOAD) {
    return damaged(r, TM_FRAME_TOO_LONG);
  }
  const uint32_t body = TM_FRAME_HEADER + f->len;
  *filled = fill(r, body + TM_FRAME_CRC);
  if (*filled != FILL_OK) {
    return TM_FRAME_END;
  }
  if (tm_get32(r->buf + body) != tm_crc32(0, r->buf + 2, body - 2u)) {
    return damaged(r, TM_FRAME_DAMAGED);
  }
  r->used = body + TM_FRAME_CRC; /* a damaged frame may have left more than this one behind */
  r->lost = 0;
  return TM_FRAME_OK;
}

tm_frame_result tm_frame_read(tm_frame_reader *r, tm_frame *f) {
  static const tm_frame none = {0, 0, 0, 0, 0};
  drop(r, r->used);
  r->used = 0;
  for (;;) {
    fill_result filled = FILL_OK;
    uint32_t len = 0;
    if (r->n > 0 && r->buf[0] == TM_FRAME_SYNC0 && (r->n < 2 || r->buf[1] == TM_FRAME_SYNC1)) {
      filled = fill(r, r->n < 2 ? 2u : TM_FRAME_HEADER);
      if (filled == FILL_OK && r->n >= TM_FRAME_HEADER) {
        if (tm_get16(r->buf + 10) != header_check(r->buf)) {
          *f = none;
          return damaged(r, TM_FRAME_DAMAGED);
        }
        const tm_frame_result result = read_body(r, f, &filled);
        if (filled == FILL_OK) {
          return result;
        }
      }
    } else {
      const find_result found = find_line(r, &len);
      if (found == FIND_LINE) {
        *f = none;
        f->len = (uint16_t)len;
        r->used = len + 1u;
        return TM_FRAME_TEXT;
      }
      if (found == FIND_MORE) {
        const uint32_t got = tm_port_read(r->buf + r->n, (uint32_t)sizeof r->buf - r->n);
        r->n += got;
        filled = got == 0 ? FILL_END : FILL_OK;
      }
    }
    if (filled == FILL_END) {
      return TM_FRAME_END;
    }
  }
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
