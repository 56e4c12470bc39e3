/*
 * Chains: consecutive window operators (tm/window.h) computed block by block, so that the tensors between them never exist
 * as rows. For each block of output pixels of the last operator, the one before it computes the columns that are still
 * missing, over as many rows as the window has, and so on up to the first. Columns that two blocks share stay in the
 * window; rows that two output rows share are computed again. That is how a pointwise expansion in front of a depthwise
 * convolution costs k x k pixels of memory instead of k rows (MCUNetV2's inverted bottlenecks), and how a depthwise result
 * is handed to the projection behind it without a row in between, at no recomputation.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_CHAIN_H
#define TM_CHAIN_H

#include "tm/window.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TM_CHAIN_LINKS 4

/* The fields of a window kernel's params that differ from block to block. */
typedef struct tm_block {
  tm_geom in, out;
  int32_t pad_top, pad_left;
} tm_block;

/* One operator on one block: generated, calls a kernel. */
typedef tm_status (*tm_link_fn)(uint8_t *arena, const tm_block *b, const uint8_t *x, uint8_t *y);

typedef struct tm_link {
  tm_link_fn run;
  tm_geom in;           /* of the whole input tensor: h, w; strides and ring only for the first link */
  tm_geom out;          /* of the window: h rows, w columns at most; for the last link of the output row */
  uint32_t window;      /* arena offset in bytes of the window; unused for the last link */
  int32_t stride_h, stride_w;
  int32_t size_h, size_w; /* extent of a window, dilation included */
  int32_t pad_top, pad_left;
} tm_link;

/*
 * Output row y of the last of n links, `pixels` pixels at a time. x: the first link's input tensor (row 0, or slot 0 of its
 * ring); out: the output row. elem: bytes of an element, the same for all tensors.
 * Errors: TM_ERR_ARGUMENT where n is not within 2..TM_CHAIN_LINKS; else the first status of an operator that is not TM_OK.
 */
tm_status tm_chain_row(uint8_t *arena, const tm_link *links, int32_t n, int32_t pixels, uint32_t elem, int32_t y, const uint8_t *x,
                       uint8_t *out);

#ifdef __cplusplus
}
#endif

#endif /* TM_CHAIN_H */
