/*
 * Stages in tiles: several operators run together on one rectangle of the stage's output after the other, so that the tensors
 * between them exist only as far as that rectangle needs. Neighbouring tiles compute the rows and columns again that both need.
 *
 * "patches": a grid of rectangles; each call of an operator computes all that the tile needs of it (MCUNetV2).
 * "strips": vertical strips; each call computes one row of it, the next one each time, and rows stream through the strip.
 *
 * Generated code has a function per operator, a table per operator that says where its operands lie, and one per grid row and
 * grid column with what each operator computes there; nothing is decided here.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_TILES_H
#define TM_TILES_H

#include "tm/base.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TM_TILE_OPERANDS 3

/*
 * What one call gets: the view of each operand, the output last, in elements, with a pointer to its first pixel; and how much
 * of the first window lies above and left of its input's view (tm/window.h).
 */
typedef struct tm_tile_view {
  tm_geom geom[TM_TILE_OPERANDS];
  uint8_t *data[TM_TILE_OPERANDS];
  int32_t pad_top, pad_left;
} tm_tile_view;

/* One operator on one rectangle: generated, calls a kernel. */
typedef tm_status (*tm_tile_fn)(uint8_t *arena, const tm_tile_view *v);

/*
 * Where an operand lies. maker: 1 + position of the stage's operator that computes it, where only the tile's part of it exists,
 * the part's first pixel (of a ring: first column, slot 0) at `at`; 0: the whole tensor exists, and pixel (0,0) is there.
 * h, w: extents of the whole tensor, or those of the output where rows or columns are repeated (stride 0).
 */
typedef struct tm_tile_operand {
  uint32_t at; /* bytes from the start of its arena */
  int32_t row_stride, px_stride; /* elements */
  uint16_t h, w, c;
  uint16_t ring; /* row slots, row y in slot y % ring; 0: every row of it has its own */
  uint8_t elem; /* bytes of an element */
  uint8_t maker;
  uint8_t arena; /* that it lies in: tm_arena() */
} tm_tile_operand;

/* An operator: output pixel (y,x) reads input rows y*stride_h - pad_top and size_h-1 more, columns likewise; element-wise: 1, 1, 0. */
typedef struct tm_tile_op {
  tm_tile_fn run;
  const tm_tile_operand *operands; /* the output last */
  uint16_t count;                  /* of operands, 2..TM_TILE_OPERANDS */
  uint16_t stride_h, stride_w;
  uint16_t size_h, size_w; /* extent of a window, dilation included */
  int16_t pad_top, pad_left;
} tm_tile_op;

/*
 * The grid: rows[(i * n + p) * 2] and the next number are the first output row that operator p of n computes in grid row i, and
 * the one behind the last; columns likewise. order: positions of the operators, for each call of one tile.
 */
typedef struct tm_grid {
  const tm_tile_op *ops;
  const uint16_t *rows, *columns;
  const uint8_t *order;
  uint32_t calls; /* numbers in `order` */
  uint16_t n;
  uint16_t grid_h, grid_w;
  uint16_t strips; /* 1: call k of an operator computes row k of the tile; `rows` is not read and may be NULL */
} tm_grid;

/*
 * Runs all tiles, from left to right and from top to bottom. next: n counters, of any value before.
 * Errors: TM_ERR_ARGUMENT on a null pointer; else the first status of an operator that is not TM_OK.
 */
tm_status tm_tiles_run(uint8_t *arena, const tm_grid *g, uint16_t *next);

#ifdef __cplusplus
}
#endif

#endif /* TM_TILES_H */
