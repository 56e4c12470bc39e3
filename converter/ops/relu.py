"""RELU: max(x, 0). Shared arithmetic: _relu.py; kernels: tm/clip.h where the quantisation is unchanged, else tm/lut.h."""

from tinyml.ops._relu import relu_spec

SPEC = relu_spec("RELU", 1, "max(x, 0)")
