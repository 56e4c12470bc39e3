/*
 * Runs one generated model out of those linked in: case_driver NAME < inputs > outputs.
 *
 * Each arena is a heap block in which only the bytes of the plan's buffers are addressable; everything between them is
 * poisoned for AddressSanitizer, so that a kernel that leaves its tensor by a single byte is caught.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sanitizer/asan_interface.h>

#include "cases.h"

static size_t element_bytes(uint8_t dtype) {
  return dtype == TM_I8 || dtype == TM_U8 ? 1 : dtype == TM_I16 ? 2 : dtype == TM_I64 ? 8 : 4;
}

/* push: called after each row that was read. */
static void transfer(uint8_t *arena, const tm_tensor_info *t, int in, tm_status (*push)(uint8_t *, int32_t)) {
  const tm_geom *g = &t->geom;
  const size_t size = element_bytes(t->dtype);
  for (int32_t y = 0; y < g->h; ++y) {
    const int32_t slot = g->ring == 0 ? y : y % g->ring;
    for (int32_t x = 0; x < g->w; ++x) {
      uint8_t *px = tm_arena(arena, t->arena) + t->offset + size * ((size_t)slot * (size_t)g->row_stride + (size_t)x * (size_t)g->px_stride);
      const size_t n = size * (size_t)g->c;
      if ((in ? fread(px, 1, n, stdin) : fwrite(px, 1, n, stdout)) != n) {
        exit(3);
      }
    }
    if (push != NULL && push(arena, y) != TM_OK) {
      exit(5);
    }
  }
}

static uint8_t *new_arena(size_t size) {
  uint8_t *arena = (uint8_t *)malloc(size);
  memset(arena, 0x55, size);
  ASAN_POISON_MEMORY_REGION(arena, size);
  return arena;
}

static void end_arena(uint8_t *arena, size_t size) {
  ASAN_UNPOISON_MEMORY_REGION(arena, size);
  free(arena);
}

int main(int argc, char **argv) {
  for (size_t k = 0; argc == 2 && k < sizeof cases / sizeof cases[0]; ++k) {
    if (strcmp(cases[k].name, argv[1]) == 0) {
      const tm_model *m = cases[k].model;
      uint8_t *arena = new_arena(m->arena_bytes);
      ASAN_UNPOISON_MEMORY_REGION(arena, m->further * sizeof(uint8_t *));
      for (uint32_t i = 0; i < m->further; ++i) {
        tm_arena_set(arena, i + 1, new_arena(m->further_bytes[i]));
      }
      for (size_t b = 0; b < cases[k].buffers; ++b) {
        const size_t *at = cases[k].buffer[b];
        ASAN_UNPOISON_MEMORY_REGION(tm_arena(arena, (uint32_t)at[0]) + at[1], at[2]);
      }
      for (uint16_t i = 0; i < m->inputs; ++i) {
        transfer(arena, &m->input[i], 1, m->push_row);
      }
      const tm_status s = tm_model_invoke(m, arena);
      if (s != TM_OK) {
        fprintf(stderr, "status %d\n", (int)s);
        return 4;
      }
      for (uint16_t i = 0; i < m->outputs; ++i) {
        transfer(arena, &m->output[i], 0, NULL);
      }
      for (uint32_t i = 0; i < m->further; ++i) {
        end_arena(tm_arena(arena, i + 1), m->further_bytes[i]);
      }
      end_arena(arena, m->arena_bytes);
      return 0;
    }
  }
  return 2;
}
