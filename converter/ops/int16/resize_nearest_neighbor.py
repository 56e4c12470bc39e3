"""RESIZE_NEAREST_NEIGHBOR of int16 values: moved as they are. Kernel: tm/resize_nearest_neighbor.h."""

from __future__ import annotations

from tinyml.ops import resize_nearest_neighbor as own
from tinyml.ops.int16 import _resize

SUPPORT = _resize.resize_support(own.SPEC, own.SPEC.infer, own.SPEC.reference, own.portable)
