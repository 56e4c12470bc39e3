/*
 * Elements of an arena tensor in dense order and in the model file's type.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#include "tensor_io.h"

#include <string.h>

#include "tm/quantize.h"

/* Elements that lie one after another in the arena. */
typedef struct run {
  uint32_t offset; /* bytes from its arena's start */
  uint32_t count;  /* elements */
} run;

uint32_t tm_elem_bytes(uint8_t dtype) {
  switch (dtype) {
    case TM_I8:
    case TM_U8:
      return 1;
    case TM_I16:
      return 2;
    case TM_I32:
    case TM_F32:
      return 4;
    case TM_I64:
      return 8;
    default:
      return 0;
  }
}

uint32_t tm_tensor_elements(const tm_tensor_info *t) { return (uint32_t)t->geom.h * (uint32_t)t->geom.w * (uint32_t)t->geom.c; }

int tm_tensor_converts(const tm_tensor_info *t, uint8_t outside) {
  return tm_elem_bytes(outside) != 0 && (outside == t->dtype || (outside == TM_F32 && t->dtype == TM_I8));
}

/* The longest run from dense element e on, at most `most` elements. */
static run run_at(const tm_tensor_info *t, uint32_t e, uint32_t most) {
  const tm_geom *g = &t->geom;
  const uint32_t c = (uint32_t)g->c;
  const uint32_t w = (uint32_t)g->w;
  const uint32_t pixel = e / c;
  const uint32_t y = pixel / w;
  const uint32_t x = pixel % w;
  const uint32_t ch = e % c;
  const uint32_t at = y * (uint32_t)g->row_stride + x * (uint32_t)g->px_stride + ch;
  uint32_t count = c - ch;
  if (g->px_stride == g->c) {
    count += (w - 1u - x) * c;
    if (g->row_stride == g->w * g->c) {
      count += ((uint32_t)g->h - 1u - y) * w * c;
    }
  }
  const run r = {t->offset + at * tm_elem_bytes(t->dtype), count < most ? count : most};
  return r;
}

void tm_tensor_write(uint8_t *arena, const tm_tensor_info *t, uint8_t outside, uint32_t first, uint32_t count, const uint8_t *src) {
  while (count > 0) {
    const run r = run_at(t, first, count);
    uint8_t *dst = tm_arena(arena, t->arena) + r.offset;
    if (outside == t->dtype) {
      memcpy(dst, src, (size_t)r.count * tm_elem_bytes(outside));
    } else {
      for (uint32_t i = 0; i < r.count; ++i) {
        float v;
        memcpy(&v, src + 4u * i, sizeof v);
        dst[i] = (uint8_t)tm_quantize_value(v, t->scale, t->zero_point, -128, 127);
      }
    }
    src += (size_t)r.count * tm_elem_bytes(outside);
    first += r.count;
    count -= r.count;
  }
}

void tm_tensor_read(uint8_t *arena, const tm_tensor_info *t, uint8_t outside, uint32_t first, uint32_t count, uint8_t *dst) {
  while (count > 0) {
    const run r = run_at(t, first, count);
    const uint8_t *src = tm_arena(arena, t->arena) + r.offset;
    if (outside == t->dtype) {
      memcpy(dst, src, (size_t)r.count * tm_elem_bytes(outside));
    } else {
      for (uint32_t i = 0; i < r.count; ++i) {
        const int32_t q = src[i] < 128 ? src[i] : (int32_t)src[i] - 256;
        const float v = (float)(q - t->zero_point) * t->scale;
        memcpy(dst + 4u * i, &v, sizeof v);
      }
    }
    dst += (size_t)r.count * tm_elem_bytes(outside);
    first += r.count;
    count -= r.count;
  }
}
