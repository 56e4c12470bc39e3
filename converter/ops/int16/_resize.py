"""What the two resize operators of int16 values share: checks and cases. The references are those of int8."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tinyml.ir import DType, NodeView
from tinyml.op_types import TypeSupport
from tinyml.ops.int16 import _wide
from tinyml.opspec import KernelCall, Lowering, OpSpec


def resize_support(
    spec: OpSpec,
    own_infer: Callable[[NodeView], Any],
    reference: Callable[..., Any],
    lower: Callable[[NodeView, Lowering], tuple[KernelCall, ...]],
) -> TypeSupport:
    def infer(n: NodeView) -> tuple[tuple[int, ...], ...]:
        _wide.check_activations(n.x, n.y)
        return own_infer(_wide.twin(n))

    return TypeSupport(
        spec.name, DType.INT16, infer, reference, lower, lambda own: map(_wide.plain_case, _wide.int8_cases(own)), _wide.DTYPES
    )
