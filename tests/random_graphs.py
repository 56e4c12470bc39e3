"""Seeded random networks of several operators, written as .tflite files: the inputs of the whole-compiler tests.

Each seed gives one network with the constructions that compilers get wrong: residual additions, branches that are joined
along any dimension, splits, padding in front of convolutions and elsewhere, reshapes of outputs, stand-alone activations,
squeeze-and-excite, float edges and float islands, constants computed by operators, dead and unused results.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tflite_writer import ModelBuilder
from tinyml.ir import DType

SAME, VALID = 0, 1
MAX_ELEMENTS = 3000


@dataclass(frozen=True)
class Value:
    """An activation. `exact`: every implementation of float32 arithmetic gives the same bits, so it may be quantised."""

    id: int
    shape: tuple[int, ...]
    scale: float | None  # None: float32
    zero_point: int = 0
    exact: bool = True

    @property
    def is_float(self) -> bool:
        return self.scale is None

    @property
    def is_image(self) -> bool:
        return len(self.shape) == 4 and self.shape[0] == 1


@dataclass(frozen=True)
class RandomModel:
    seed: int
    data: bytes  # the .tflite file
    feeds: tuple[tuple[tuple[int, ...], bool], ...]  # per input: shape, is float32
    ops: tuple[str, ...]  # names of the operators, in order

    def inputs(self, seed: int) -> list[np.ndarray]:
        rng = np.random.default_rng((self.seed, seed))
        return [rng.uniform(-1, 1, s).astype(np.float32) if f else rng.integers(-128, 128, s).astype(np.int8) for s, f in self.feeds]


class _Network:
    def __init__(self, seed: int):
        self.rng = np.random.default_rng(seed)
        self.b = ModelBuilder()
        self.values: list[Value] = []

    # -- choices

    def chance(self, p: float) -> bool:
        return bool(self.rng.random() < p)

    def pick(self, items):
        return items[int(self.rng.integers(len(items)))]

    def number(self, lo: int, hi: int) -> int:
        """lo..hi, both included."""
        return int(self.rng.integers(lo, hi + 1))

    def quant(self) -> tuple[float, int]:
        return float(np.float32(self.rng.uniform(0.01, 0.12))), self.number(-128, 127) if self.chance(0.7) else -128

    # -- tensors

    def new(self, shape, like: Value | None = None, *, q: tuple[float, int] | None = None, exact: bool | None = None) -> Value:
        """A result of `shape`, float32 if `like` is; with like's quantisation unless `q` gives another."""
        if like is not None and like.is_float:
            t = self.b.tensor(shape, DType.FLOAT32)
            v = Value(t, tuple(shape), None, exact=like.exact if exact is None else exact and like.exact)
        else:
            scale, zp = q or ((like.scale, like.zero_point) if like is not None else self.quant())
            v = Value(self.b.tensor(shape, DType.INT8, scale, zp), tuple(shape), scale, zp)
        self.values.append(v)
        return v

    def ints(self, *values: int, shape=None) -> int:
        a = np.array(values, np.int32)
        return self.b.const(a if shape is None else a.reshape(shape))

    def const_like(self, shape, x: Value) -> Value:
        if x.is_float:
            data = self.rng.uniform(-1, 1, shape).astype(np.float32)
            return Value(self.b.const(data), tuple(shape), None)
        data = self.rng.integers(-128, 128, shape).astype(np.int8)
        return Value(self.b.const(data, scale=x.scale, zero_point=x.zero_point), tuple(shape), x.scale, x.zero_point)

    def requantised(self, x: Value, q: tuple[float, int]) -> Value:
        """x itself where it has that quantisation already."""
        if x.is_float or (x.scale, x.zero_point) == q:
            return x
        y = self.new(x.shape, x, q=q)
        self.b.op("QUANTIZE", [x.id], [y.id])
        return y

    # -- layers with weights

    def weights(self, shape, terms: int, x: Value, axis: int, channels: int) -> tuple[int, int]:
        if x.is_float:
            w = (self.rng.normal(0, 1, shape) / np.sqrt(terms)).astype(np.float32)
            return self.b.const(w), self.b.const(self.rng.normal(0, 0.2, channels).astype(np.float32))
        per_channel = self.chance(0.6)
        scales = [float(np.float32(s)) for s in self.rng.uniform(0.002, 0.02, channels if per_channel else 1)]
        w = self.b.const(self.rng.integers(-127, 128, shape).astype(np.int8), scale=tuple(scales), zero_point=(0,) * len(scales), axis=axis)
        bias_scales = tuple(float(np.float32(x.scale) * np.float32(s)) for s in scales)
        bias = self.b.const(self.rng.integers(-2000, 2000, channels).astype(np.int32), scale=bias_scales, zero_point=(0,) * len(scales))
        return w, bias

    def result_quant(self, x: Value, terms: int) -> tuple[float, int]:
        scale = 1.0 if x.scale is None else x.scale
        return float(np.float32(scale * 0.01 * np.sqrt(terms) * 60)), self.number(-128, 60)

    def conv(
        self, x: Value, channels: int | None = None, k: int | None = None, stride=None, padding=None, q=None, depthwise=False
    ) -> Value:
        _, h, w, c = x.shape
        kh, kw = (k, k) if k else (self.number(1, min(3, h)), self.number(1, min(3, w)))
        sh, sw = (stride, stride) if stride else (self.number(1, 2), self.number(1, 2))
        dh, dw = (self.number(1, 2), self.number(1, 2)) if (sh, sw) == (1, 1) and not k else (1, 1)
        padding = self.pick([SAME, VALID]) if padding is None else padding
        if (kh - 1) * dh + 1 > h or (kw - 1) * dw + 1 > w:
            padding = SAME
        out = [-(-e // s) if padding == SAME else -(-(e - (n - 1) * d) // s) for e, n, s, d in ((h, kh, sh, dh), (w, kw, sw, dw))]
        act = self.pick([0, 0, 1, 3])
        options = {
            "Padding": padding,
            "StrideH": sh,
            "StrideW": sw,
            "DilationHFactor": dh,
            "DilationWFactor": dw,
            "FusedActivationFunction": act,
        }
        if depthwise:
            channels = c * self.number(1, 2)
            weights, terms, axis = (1, kh, kw, channels), kh * kw, 3
            options["DepthMultiplier"] = channels // c
        else:
            channels = channels or self.number(1, 9)
            weights, terms, axis = (channels, kh, kw, c), kh * kw * c, 0
        w_id, b_id = self.weights(weights, terms, x, axis, channels)
        y = self.new((1, *out, channels), x, q=q or self.result_quant(x, terms), exact=False)
        self.b.op("DEPTHWISE_CONV_2D" if depthwise else "CONV_2D", [x.id, w_id, b_id], [y.id], options)
        return y

    def dense(self, x: Value, units: int | None = None, keep: bool = False) -> Value:
        k = x.shape[-1] if keep else int(np.prod(x.shape))
        units = units or self.number(1, 12)
        w, bias = self.weights((units, k), k, x, 0, units)
        shape = (*x.shape[:-1], units) if keep else (1, units)
        y = self.new(shape, x, q=self.result_quant(x, k), exact=False)
        options = {"FusedActivationFunction": self.pick([0, 1]), "KeepNumDims": keep}
        self.b.op("FULLY_CONNECTED", [x.id, w, bias if self.chance(0.8) else None], [y.id], options)
        return y

    # -- element by element

    def binary(self, op: str, a: Value, b: Value) -> Value:
        shape = np.broadcast_shapes(a.shape, b.shape)
        both = a if a.is_float and not (a.exact and not b.exact) else b
        y = self.new(shape, both, q=self.quant())
        self.b.op(op, [a.id, b.id], [y.id], {"FusedActivationFunction": self.pick([0, 0, 1])})
        return y

    def unary(self, op: str, x: Value, *, q=None, options=None, exact=False) -> Value:
        y = self.new(x.shape, x, q=q or self.quant(), exact=exact)
        self.b.op(op, [x.id], [y.id], options)
        return y

    def relu(self, x: Value) -> Value:
        q = None if x.is_float or self.chance(0.5) else self.quant()
        return self.unary(self.pick(["RELU", "RELU6"]), x, q=q or (x.scale, x.zero_point), exact=True)

    # -- movement

    def pad(self, x: Value, kind: str = "any") -> Value:
        pads = np.zeros((len(x.shape), 2), np.int64)
        spatial = range(1, 3) if kind == "spatial" else range(len(x.shape))
        for d in spatial:
            if kind == "spatial" or self.chance(0.5):
                pads[d] = self.number(0, 2), self.number(0, 2)
        if x.is_image:
            pads[0] = 0
        y = self.new(tuple(int(e + p.sum()) for e, p in zip(x.shape, pads, strict=True)), x)
        self.b.op("PAD", [x.id, self.ints(*pads.reshape(-1), shape=pads.shape)], [y.id])
        return y

    def reshape(self, x: Value, shape) -> Value:
        y = self.new(shape, x)
        self.b.op("RESHAPE", [x.id, self.ints(*shape)], [y.id], {"NewShape": list(shape)})
        return y

    def any_reshape(self, x: Value) -> Value:
        kind = self.number(0, 3)
        if kind == 0 and 1 in x.shape[:-1]:
            d = x.shape.index(1)
            y = self.new((*x.shape[:d], *x.shape[d + 1 :]), x)
            self.b.op("SQUEEZE", [x.id], [y.id], {"SqueezeDims": [d]})
            return y
        if kind == 1 and len(x.shape) < 4:
            d = self.number(0, len(x.shape))
            y = self.new((*x.shape[:d], 1, *x.shape[d:]), x)
            self.b.op("EXPAND_DIMS", [x.id, self.ints(d, shape=())], [y.id])
            return y
        n = int(np.prod(x.shape))
        first = self.pick([d for d in range(1, n + 1) if n % d == 0])
        return self.reshape(x, self.pick([(n,), (first, n // first), (1, first, 1, n // first), (1, 1, first, n // first), x.shape]))

    def transpose(self, x: Value) -> Value:
        perm = [int(p) for p in self.rng.permutation(len(x.shape))]
        if self.chance(0.5) and len(perm) == 4:
            perm = [0, *(int(p) + 1 for p in self.rng.permutation(3))]
        y = self.new(tuple(x.shape[p] for p in perm), x)
        self.b.op("TRANSPOSE", [x.id, self.ints(*perm)], [y.id])
        return y

    def concat(self, parts: list[Value], axis: int) -> Value:
        q = None if parts[0].is_float else (parts[0].scale, parts[0].zero_point)
        parts = [self.requantised(p, q) if q else p for p in parts]
        shape = list(parts[0].shape)
        shape[axis] = sum(p.shape[axis] for p in parts)
        least = next((p for p in parts if not p.exact), parts[0])
        y = self.new(tuple(shape), least)
        self.b.op("CONCATENATION", [p.id for p in parts], [y.id], {"Axis": axis - len(shape) if self.chance(0.3) else axis})
        return y

    def branches(self, x: Value) -> Value:
        """Several convolutions of one image, joined along a random dimension."""
        axis, count = self.number(1, 3), self.number(2, 3)
        channels = self.number(1, 5)
        parts = []
        for _ in range(count):
            q = None if x.is_float or not parts or self.chance(0.3) else (parts[0].scale, parts[0].zero_point)
            p = self.conv(x, channels if axis != 3 else self.number(1, 5), 3 if min(x.shape[1:3]) > 2 else 1, 1, SAME, q)
            parts.append(self.relu(p) if self.chance(0.3) else p)
        if self.chance(0.2):
            shape = list(parts[0].shape)
            parts.insert(self.number(0, len(parts)), self.const_like(shape, parts[0]))
        if self.chance(0.15):
            parts.append(parts[0])
        return self.concat(parts, axis)

    def split(self, x: Value) -> list[Value]:
        axes = [d for d, e in enumerate(x.shape) if e > 1]
        if not axes:
            return []
        d = self.pick(axes)
        n = self.pick([k for k in range(2, x.shape[d] + 1) if x.shape[d] % k == 0])
        if n > 4:
            return []
        shape = (*x.shape[:d], x.shape[d] // n, *x.shape[d + 1 :])
        parts = [self.new(shape, x) for _ in range(n)]
        self.b.op("SPLIT", [self.ints(d, shape=()), x.id], [p.id for p in parts], {"NumSplits": n})
        return parts

    def slice(self, x: Value) -> Value:
        begin = [self.number(0, e - 1) for e in x.shape]
        size = [self.number(1, e - b) if self.chance(0.5) else e - b for e, b in zip(x.shape, begin, strict=True)]
        for d in range(len(size)):
            if self.chance(0.5):
                begin[d], size[d] = 0, x.shape[d]
        y = self.new(tuple(size), x)
        self.b.op("SLICE", [x.id, self.ints(*begin), self.ints(*size)], [y.id])
        return y

    def strided_slice(self, x: Value) -> Value:
        begin = [self.number(0, e - 1) if self.chance(0.4) else 0 for e in x.shape]
        stride = [self.pick([1, 1, 1, 2]) for _ in x.shape]
        shape = tuple(-(-(e - b) // s) for e, b, s in zip(x.shape, begin, stride, strict=True))
        y = self.new(shape, x)
        self.b.op("STRIDED_SLICE", [x.id, self.ints(*begin), self.ints(*x.shape), self.ints(*stride)], [y.id])
        return y

    # -- images

    def pool(self, x: Value) -> Value:
        _, h, w, c = x.shape
        k = (self.number(1, min(3, h)), self.number(1, min(3, w)))
        s, padding = (self.number(1, 2), self.number(1, 2)), self.pick([SAME, VALID])
        out = [-(-e // t) if padding == SAME else -(-(e - n + 1) // t) for e, n, t in zip((h, w), k, s, strict=True)]
        op = self.pick(["AVERAGE_POOL_2D", "MAX_POOL_2D"])
        y = self.new((1, *out, c), x, exact=op == "MAX_POOL_2D")
        options = {
            "Padding": padding,
            "StrideH": s[0],
            "StrideW": s[1],
            "FilterHeight": k[0],
            "FilterWidth": k[1],
            "FusedActivationFunction": self.pick([0, 1]),
        }
        self.b.op(op, [x.id], [y.id], options)
        return y

    def mean(self, x: Value) -> Value:
        keep = self.chance(0.5)
        y = self.new((1, 1, 1, x.shape[3]) if keep else (1, x.shape[3]), x, q=self.quant() if self.chance(0.5) else None, exact=False)
        self.b.op("MEAN", [x.id, self.ints(1, 2)], [y.id], {"KeepDims": keep})
        return y

    def squeeze_excite(self, x: Value) -> Value:
        c = x.shape[3]
        y = self.new((1, 1, 1, c), x, q=self.quant(), exact=False)
        self.b.op("MEAN", [x.id, self.ints(1, 2)], [y.id], {"KeepDims": True})
        if self.chance(0.5):
            gate = self.conv(self.conv(y, 3, 1, 1), c, 1, 1)
        else:
            gate = self.reshape(self.dense(self.dense(y, 3), c), (1, 1, 1, c))
        if self.chance(0.5):
            gate = self.unary("LOGISTIC", gate, q=(1 / 256, -128))
        else:
            gate = self.unary("HARD_SWISH", gate, q=(gate.scale, -100))
        return self.binary("MUL", *((x, gate) if self.chance(0.5) else (gate, x)))

    def resize(self, x: Value) -> Value:
        _, h, w, c = x.shape
        size = (self.number(1, 2 * h), self.number(1, 2 * w))
        op = self.pick(["RESIZE_NEAREST_NEIGHBOR", "RESIZE_BILINEAR"])
        y = self.new((1, *size, c), x, exact=op != "RESIZE_BILINEAR")
        half = self.chance(0.4)
        self.b.op(op, [x.id, self.ints(*size)], [y.id], {"HalfPixelCenters": half, "AlignCorners": not half and self.chance(0.3)})
        return y

    def residual(self, x: Value) -> Value:
        y = self.conv(x, x.shape[3], 3 if min(x.shape[1:3]) > 2 else 1, 1, SAME)
        return self.binary(self.pick(["ADD", "SUB"]), *((x, y) if self.chance(0.5) else (y, x)))

    def pad_then_conv(self, x: Value) -> Value:
        padded = self.pad(x, "spatial")
        y = self.conv(padded, padding=VALID, depthwise=self.chance(0.4))
        if self.chance(0.25):
            self.pool(padded)  # a second reader that can not take the padding
        return y

    def pad_then_add(self, x: Value) -> Value:
        padded = self.pad(x)
        return self.binary("ADD", padded, self.const_like(padded.shape[-1:], padded))

    # -- float islands and constants

    def float_island(self, x: Value) -> Value:
        if x.is_float:
            if not x.exact:
                return self.relu(x)
            y = self.new(x.shape, q=self.quant())
            self.b.op("QUANTIZE", [x.id], [y.id])
            return y
        f = Value(self.b.tensor(x.shape, DType.FLOAT32), x.shape, None)
        self.values.append(f)
        self.b.op("DEQUANTIZE", [x.id], [f.id])
        return f

    def constant_branch(self, x: Value) -> Value:
        """x plus something that operators compute from constants alone."""
        c = self.const_like(x.shape[-1:], x)
        k = self.number(0, 2)
        if k == 0:
            c = self.relu(c)
        elif k == 1:
            c = self.binary("MUL", c, self.const_like((1,), c))
        else:
            c = self.reshape(c, (1, *c.shape))
        if self.chance(0.7):
            self.values.remove(c)  # else it may become an output of the network, or meet other operators
        return self.binary("ADD", x, c)


def _step(n: _Network) -> None:
    x = n.pick(n.values[-3:] if n.chance(0.7) else n.values)
    anywhere = [
        n.relu, n.pad, n.any_reshape, n.any_reshape, n.transpose, n.slice, n.strided_slice, n.split, n.dense, n.pad_then_add,
        n.float_island, n.constant_branch,
        lambda v: n.unary("LOGISTIC", v, q=(1 / 256, -128)),
        lambda v: n.unary("LEAKY_RELU", v, options={"Alpha": 0.125}),
        lambda v: n.unary("TANH", v, q=(1 / 128, 0)),
        lambda v: n.unary("SOFTMAX", v, q=(1 / 256, -128), options={"Beta": 1.0}),
        lambda v: n.dense(v, keep=True),
        lambda v: n.concat([v, n.relu(v), n.relu(v)], n.number(0, len(v.shape) - 1)),
        lambda v: n.binary(n.pick(["ADD", "MUL"]), v, n.const_like((v.shape[-1],), v)),
    ]  # fmt: skip
    image = [
        n.conv, n.conv, n.conv, lambda v: n.conv(v, depthwise=True), lambda v: n.conv(v, depthwise=True), n.pool, n.mean,
        n.squeeze_excite, n.resize, n.residual, n.residual, n.pad_then_conv, n.pad_then_conv, n.branches, n.branches,
        lambda v: n.relu(n.conv(v)),
    ]  # fmt: skip
    partners = [v for v in n.values if v.shape == x.shape and v.is_float == x.is_float and v.id != x.id]
    if partners and n.chance(0.2):
        n.binary(n.pick(["ADD", "MUL", "SUB"]), x, n.pick(partners))
    else:
        n.pick(image if x.is_image and n.chance(0.7) else anywhere)(x)


def random_model(seed: int) -> RandomModel:
    """The network of one seed: 1 to 3 inputs, up to about 12 constructions, at least one output."""
    n = _Network(seed)
    is_float = n.chance(0.15)
    ins, feeds = [], []
    for _ in range(n.pick([1, 1, 1, 2, 3])):
        shape = n.pick([(1, n.number(3, 9), n.number(3, 9), n.number(1, 6))] * 4 + [(n.number(1, 40),), (n.number(1, 3), n.number(1, 30))])
        float_edge = is_float or n.chance(0.25)
        q = None if float_edge else n.quant()
        t = n.b.tensor(shape, DType.FLOAT32) if q is None else n.b.tensor(shape, DType.INT8, *q)
        ins.append(Value(t, shape, *(q or (None,))))
        feeds.append((shape, float_edge))
        n.values.append(ins[-1])
        if float_edge and not is_float:
            y = n.new(shape, q=n.quant())
            n.b.op("QUANTIZE", [t], [y.id])
    for _ in range(n.number(2, 12)):
        before = (len(n.b.tensors), len(n.b.operators), len(n.values))
        _step(n)
        if any(np.prod(v.shape) > MAX_ELEMENTS for v in n.values[before[2] :]):
            del n.b.tensors[before[0] :], n.b.operators[before[1] :], n.values[before[2] :]
    if not n.b.operators:
        n.relu(ins[0])
    return RandomModel(seed, n.b.build([v.id for v in ins], _outputs(n, ins)), tuple(feeds), tuple(o.name for o in n.b.operators))


def _outputs(n: _Network, ins: list[Value]) -> list[int]:
    """Most results that nobody reads, sometimes one that is read too, sometimes an input as it came."""
    read = {t for o in n.b.operators for t in o.inputs}
    results = [v for v in n.values if v not in ins]
    ends = [v for v in results if v.id not in read]
    chosen = [v for v in ends if n.chance(0.9)] or ends[-1:]
    if n.chance(0.35):
        chosen.append(n.pick(results))
    if n.chance(0.1):
        chosen.append(n.pick(ins))
    for k, v in enumerate(chosen):
        if not v.is_float and v not in ins and n.chance(0.15):  # a float edge
            f = n.b.tensor(v.shape, DType.FLOAT32)
            n.b.op("DEQUANTIZE", [v.id], [f])
            chosen[k] = Value(f, v.shape, None)
    return list(dict.fromkeys(v.id for v in chosen))
