"""RESIZE_BILINEAR of int16 values. Kernel: tm/resize_bilinear_i16.h.

Numerics: LiteRT reference_ops::ResizeBilinearInteger of int16: as int8, in sums of 64 bits.
"""

from __future__ import annotations

from dataclasses import replace

from tinyml.ir import NodeView
from tinyml.ops import resize_bilinear as own
from tinyml.ops.int16 import _resize
from tinyml.opspec import KernelCall, Lowering


def lower(n: NodeView, low: Lowering) -> tuple[KernelCall, ...]:
    """The params are int8's."""
    return tuple(replace(call, func="tm_resize_bilinear_i16", header="resize_bilinear_i16") for call in own.portable(n, low))


SUPPORT = _resize.resize_support(own.SPEC, own.SPEC.infer, own.SPEC.reference, lower)
