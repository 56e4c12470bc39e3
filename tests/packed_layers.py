"""Random layers with inputs, weights and outputs of 8, 4 and 2 bits: the int8 ones of random_layers.py, narrowed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from random_layers import MAKERS
from tflite_writer import write_case
from tinyml.importers import import_model
from tinyml.ir import DType, Node, NodeView, Quant, Tensor
from tinyml.numerics import RANGE
from tinyml.opspec import Malformed, OpSpec, Reject, load_ops

INT = {8: DType.INT8, 4: DType.INT4, 2: DType.INT2}
BITS = (8, 4, 2)
Widths = tuple[int | str, ...]  # bits of the inputs (x; a and b), of the weights, and of the output; "f" is float32

WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
COMBINATIONS: dict[str, tuple[Widths, ...]] = {
    **{op: tuple(c for c in product(BITS, BITS, BITS) if c != (8, 8, 8)) for op in (*WEIGHTED, "ADD", "SUB")},
    **{op: ((4, 4), (2, 2)) for op in ("AVERAGE_POOL_2D", "MAX_POOL_2D")},
    "MEAN": tuple(c for c in product(BITS, BITS) if c != (8, 8)),
    "QUANTIZE": (*(c for c in product(BITS, BITS) if c != (8, 8)), ("f", 4), ("f", 2)),
    "DEQUANTIZE": ((4, "f"), (2, "f")),
}


@dataclass(frozen=True, eq=False)
class Layer:
    name: str
    spec: OpSpec
    node: NodeView
    arrays: tuple[np.ndarray | None, ...]


def _zero_point(rng: np.random.Generator, t: DType) -> int:
    low, high = RANGE[t]
    return int(rng.choice([low, high, int(rng.integers(low, high + 1))]))


def _values(rng: np.random.Generator, t: DType, shape: tuple[int, ...]) -> np.ndarray:
    low, high = RANGE[t]
    return rng.integers(low, high + 1, shape).astype(np.int8)


def _as(t: Tensor, bits: int | str, rng: np.random.Generator, scale: float | None = None) -> Tensor:
    if bits == "f":
        return replace(t, dtype=DType.FLOAT32, quant=None)
    assert isinstance(bits, int)
    dtype = INT[bits]
    return replace(t, dtype=dtype, quant=Quant((float(np.float32(scale or t.scale)),), (_zero_point(rng, dtype),)))


def _clamp(y: Tensor, rng: np.random.Generator) -> tuple[int, int]:
    low, high = RANGE[y.dtype]
    return (low, high) if rng.integers(0, 3) else (max(low, y.zero_point), high)


def _weights(w: Tensor, bits: int, rng: np.random.Generator) -> Tensor:
    most = (1 << (bits - 1)) - 1
    low = -most - 1 if rng.integers(0, 8) == 0 and bits < 8 else -most
    data = rng.integers(low, most + 1, w.shape).astype(np.int8)
    if rng.integers(0, 3) == 0:
        data.reshape(-1)[:: max(1, data.size // 5)] = most
    return replace(w, dtype=INT[bits], data=data)


def _spread(t: Tensor, bits: int) -> float:
    """Standard deviation of a value spread evenly over the type's range, in its scale."""
    return float(np.mean(t.quant.scale)) * (1 << bits) / 3.5


def _weighted(n: NodeView, widths: tuple[int, ...], rng: np.random.Generator, terms: int) -> NodeView:
    x, w, b = n.inputs[0], n.inputs[1], n.input(2)
    assert x is not None and w is not None and b is not None
    x, w = _as(x, widths[0], rng), _weights(w, widths[1], rng)
    out = np.sqrt(terms) * _spread(x, widths[0]) * _spread(w, widths[1]) / (1 << widths[2]) * 3.0 * 2.0 ** rng.uniform(-1.5, 2)
    y = _as(n.y, widths[2], rng, out)
    span = 1 + int(4 * np.sqrt(terms) * (1 << (widths[0] + widths[1] - 4)))
    b = replace(b, data=rng.integers(-span, span, b.shape).astype(np.int32))
    return NodeView(replace(n.node, attrs=replace(n.attrs, clamp=_clamp(y, rng))), (x, w, b), (y,))


def _plain(n: NodeView, widths: Widths, rng: np.random.Generator) -> NodeView:
    """ADD and SUB, pools, MEAN."""
    count = len(widths) - 1
    ins = tuple(_as(t, widths[k], rng) if k < count and t is not None else t for k, t in enumerate(n.inputs))
    factor = 2.0 ** (8 - int(widths[-1])) / 2.0 ** (8 - max(int(v) for v in widths[:-1])) * 2.0 ** rng.uniform(-1, 1)
    y = _as(n.y, widths[-1], rng, n.y.scale * factor)
    if "POOL" in n.node.op:
        y = replace(y, quant=ins[0].quant)
    attrs = replace(n.attrs, clamp=_clamp(y, rng)) if hasattr(n.attrs, "clamp") else n.attrs
    return NodeView(replace(n.node, attrs=attrs), ins, (y,))


def _conversion(op: str, widths: Widths, rng: np.random.Generator) -> NodeView:
    shape = (1, *(int(v) for v in rng.integers(1, 9, 2)), int(rng.integers(1, 20)))
    blank = Tensor(0, "x", shape, DType.INT8, Quant((0.05,), (0,)))
    x, y = _as(blank, widths[0], rng), replace(_as(blank, widths[1], rng, 0.05 * 2.0 ** rng.uniform(-2, 4)), id=1)
    attrs = load_ops()[op].read(None, (x,), (y,))
    return NodeView(Node(op, (0,), (1,), attrs, 0), (x,), (y,))


def layer(op: str, widths: Widths, rng: np.random.Generator, name: str) -> Layer | None:
    """None where the random layer is one that is refused."""
    spec = load_ops()[op]
    if op in MAKERS:
        case = MAKERS[op](rng, name)
        if op in ("ADD", "SUB"):  # packed operands do not broadcast
            case = replace(case, inputs=(case.inputs[0], replace(case.inputs[1], shape=case.inputs[0].shape)))
        graph = import_model(write_case(spec, case), name)
        n = graph.view(graph.nodes[0])
        if op in WEIGHTED:
            w = n.inputs[1]
            terms = w.elements // (w.shape[3] if op == "DEPTHWISE_CONV_2D" else w.shape[0])
            n = _weighted(n, widths, rng, terms)
        else:
            n = _plain(n, widths, rng)
    else:
        n = _conversion(op, widths, rng)
    try:
        assert tuple(spec.infer(n)) == tuple(t.shape for t in n.outputs)
    except (Reject, Malformed):
        return None
    arrays = tuple(
        None if t is None else t.data if t.data is not None
        else rng.normal(0, 1, t.shape).astype(np.float32) if t.dtype is DType.FLOAT32 else _values(rng, t.dtype, t.shape)
        for t in n.inputs
    )  # fmt: skip
    return Layer(name, spec, n, arrays)


def layers(op: str, widths: Widths, count: int, seed: int = 0) -> Iterator[Layer]:
    """`count` layers, equal for equal arguments."""
    rng = np.random.default_rng([seed, *map(ord, op), *(0 if v == "f" else int(v) for v in widths)])
    found = tried = 0
    while found < count:
        tried += 1
        assert tried < 20 * count + 50, f"{op} {widths}: nearly everything is refused"
        one = layer(op, widths, rng, f"{op} {'/'.join(map(str, widths))} {tried}")
        if one is not None:
            found += 1
            yield one
