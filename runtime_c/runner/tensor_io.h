/*
 * Elements of an arena tensor in dense order and in the model file's type. Internal to the runner.
 *
 * Copyright 2026 the tinyml authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TM_RUNNER_TENSOR_IO_H
#define TM_RUNNER_TENSOR_IO_H

#include "tm/model.h"

/* Bytes of one element; 0 for an unknown type. */
uint32_t tm_elem_bytes(uint8_t dtype);

/* Elements of the tensor. */
uint32_t tm_tensor_elements(const tm_tensor_info *t);

/* 1 where elements of type `outside` can be exchanged with the tensor: the stored type, or TM_F32 over TM_I8. */
int tm_tensor_converts(const tm_tensor_info *t, uint8_t outside);

/*
 * Writes `count` elements of type `outside` from src, starting with element `first` in dense [H,W,C] order. float32 over
 * int8 is quantised as tm_quantize_f32 does. The caller has checked the range and tm_tensor_converts(). src: any alignment.
 */
void tm_tensor_write(uint8_t *arena, const tm_tensor_info *t, uint8_t outside, uint32_t first, uint32_t count, const uint8_t *src);

/* The reverse; int8 to float32 is (q - zero_point) * scale. */
void tm_tensor_read(uint8_t *arena, const tm_tensor_info *t, uint8_t outside, uint32_t first, uint32_t count, uint8_t *dst);

#endif /* TM_RUNNER_TENSOR_IO_H */
