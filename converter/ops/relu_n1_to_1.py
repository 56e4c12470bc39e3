"""RELU_N1_TO_1: x limited to -1..1. Shared arithmetic: _relu.py; kernels: tm/clip.h where the quantisation is unchanged, else tm/lut.h."""

from tinyml.ops._relu import relu_spec

SPEC = relu_spec("RELU_N1_TO_1", 2, "x limited to -1..1")
