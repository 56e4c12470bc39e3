"""RELU6: x limited to 0..6. Shared arithmetic: _relu.py; kernels: tm/clip.h where the quantisation is unchanged, else tm/lut.h."""

from tinyml.ops._relu import relu_spec

SPEC = relu_spec("RELU6", 3, "x limited to 0..6")
