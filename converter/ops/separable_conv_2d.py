"""SEPARABLE_CONV_2D: a DEPTHWISE_CONV_2D and the 1x1 CONV_2D that alone reads it, as one operator. No file has it: the planner joins
two nodes where a kernel for both needs less memory than what lies between them (plan/join.py).

Inputs: x, the depthwise weights and bias, the pointwise weights and bias. Numerics: those of the two operators in turn.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinyml.ir import DType, Node, NodeView, Quant, Tensor
from tinyml.ops import _convolution, conv_2d, depthwise_conv_2d
from tinyml.ops._window import Pad4
from tinyml.opspec import Access, KernelCall, Lowering, OpSpec, Options, Reject, Whole
from tinyml.variants import load_variants, once

NAME = "SEPARABLE_CONV_2D"
INNER = -1  # id of the tensor between the two, which exists nowhere else


@dataclass(frozen=True)
class Attrs:
    """Window of the depthwise convolution, clamps of both outputs, quantisation of what lies between."""

    stride: tuple[int, int]
    dilation: tuple[int, int]
    pad: Pad4
    inner_clamp: tuple[float, float]
    inner: Quant | None
    clamp: tuple[float, float]


def read(o: Options, inputs: tuple[Tensor | None, ...], outputs: tuple[Tensor, ...]) -> Attrs:
    raise Reject("is no operator of model files")


def join(a: NodeView, b: NodeView) -> Node | None:
    """Both as one node, None where they are no int8 depthwise convolution with multiplier 1 and a pointwise one behind it."""
    if (a.node.op, b.node.op) != (depthwise_conv_2d.SPEC.name, conv_2d.SPEC.name) or b.x.id != a.y.id:
        return None
    v, w = a.inputs[1], b.inputs[1]
    assert v is not None and w is not None
    plain = w.shape[1:3] == (1, 1) and b.attrs.stride == (1, 1) and not any(b.attrs.pad)
    plain = plain and all(t.dtype is DType.INT8 for t in (a.x, v, a.y, w, b.y))
    if not plain or v.shape[3] != a.x.shape[3] or w.shape[3] != a.y.shape[3]:
        return None
    attrs = Attrs(a.attrs.stride, a.attrs.dilation, a.attrs.pad, a.attrs.clamp, a.y.quant, b.attrs.clamp)
    inputs = tuple(None if t is None else t.id for t in (a.x, v, a.input(2), w, b.input(2)))
    return Node(NAME, inputs, b.node.outputs, attrs, a.node.index)


def parts(n: NodeView) -> tuple[NodeView, NodeView]:
    """The depthwise and the pointwise convolution as nodes of their own."""
    a, (_, v, v_bias, _, w_bias) = n.attrs, n.inputs
    w = n.inputs[3]
    assert v is not None and w is not None
    inner = Tensor(INNER, "inner", (*n.y.shape[:3], v.shape[3]), n.y.dtype, a.inner)

    def node(op: str, tensors: tuple[Tensor | None, ...], out: Tensor, attrs: _convolution.Attrs) -> NodeView:
        ids = tuple(None if t is None else t.id for t in tensors)
        return NodeView(Node(op, ids, (out.id,), attrs, n.node.index), tensors, (out,))

    one, none = (1, 1), (0, 0, 0, 0)
    first = node(depthwise_conv_2d.SPEC.name, (n.x, v, v_bias), inner, _convolution.Attrs(a.stride, a.dilation, a.pad, a.inner_clamp))
    return first, node(conv_2d.SPEC.name, (inner, w, w_bias), n.y, _convolution.Attrs(one, one, none, a.clamp))


def infer(n: NodeView) -> tuple[tuple[int, ...], ...]:
    first, second = parts(n)
    (shape,) = depthwise_conv_2d.infer(first)
    return ((*shape[:3], conv_2d.infer(second)[0][3]),)


def reference(n: NodeView, arrays: tuple[np.ndarray | None, ...]) -> tuple[np.ndarray, ...]:
    first, second = parts(n)
    return conv_2d.reference(second, (*depthwise_conv_2d.reference(first, arrays[:3]), *arrays[3:]))


def access(n: NodeView) -> tuple[Access, ...]:
    return (depthwise_conv_2d.access(parts(n)[0])[0], *(Whole(),) * (len(n.inputs) - 1))


def macs(n: NodeView) -> int:
    first, second = parts(n)
    return depthwise_conv_2d.macs(first) + conv_2d.macs(second)


def lower(n: NodeView, low: Lowering) -> tuple[KernelCall, ...]:
    """By the first variant that applies: nodes are joined only where there is one."""
    return once(n, low, lambda: next(v.lower(n, low, ()) for v in load_variants()[NAME] if v.isa <= low.isa and v.applies(n, low)))


SPEC = OpSpec(
    name=NAME,
    options=None,
    arity=(5, 5),
    read=read,
    infer=infer,
    reference=reference,
    access=access,
    lower=lower,
    windowed=True,
    cases=lambda: (),
    macs=macs,
    optional_inputs=(2, 4),
    join=join,
    summary="depthwise convolution and the pointwise one behind it",
)
