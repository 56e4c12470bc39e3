"""Random cases of the operators that have kernel variants: shapes with every remainder, odd channels, borders, scales from
coarse to nearly dead channels, zero points at both ends and between."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from tinyml.ir import DType
from tinyml.opspec import Case, CaseTensor

F32 = np.float32


def _zero_point(rng: np.random.Generator) -> int:
    return int(rng.choice([-128, 127, int(rng.integers(-128, 128))]))


def _scales(rng: np.random.Generator, channels: int) -> tuple[float, ...]:
    """Per channel; now and then a channel that is nearly dead."""
    scales = rng.uniform(0.002, 0.02, channels) * np.where(rng.integers(0, 12, channels) == 0, 10.0 ** rng.uniform(-8, -2, channels), 1)
    return tuple(float(F32(v)) for v in scales)


def _weighted(rng, name, options, x_shape, w_shape, y_shape, channels, axis, terms, bias_span, per_channel=True, trained=False) -> Case:
    """trained: with the scales and the ReLU of a trained network's layer."""
    scales = tuple(float(F32(v)) for v in rng.uniform(0.002, 0.02, channels)) if trained else _scales(rng, channels if per_channel else 1)
    x_scale = 0.03
    gain = float(2.0 ** rng.uniform(*(4, 6) if trained else (-2, 3)))
    out_scale = float(F32(x_scale * 0.011 * 73 * np.sqrt(terms) * 0.02 * gain))
    weights = rng.integers(-127, 128, w_shape).astype(np.int8)
    if rng.integers(0, 3) == 0:
        weights.reshape(-1)[:: max(1, weights.size // 5)] = 127
    bias = CaseTensor(
        (channels,),
        DType.INT32,
        scale=tuple(x_scale * v for v in scales),
        data=rng.integers(-bias_span, bias_span, channels).astype(np.int32),
    )
    zero = -128 if trained or rng.integers(0, 2) else int(rng.integers(-128, 128))
    return Case(
        name, options,
        (
            CaseTensor(x_shape, scale=x_scale, zero_point=_zero_point(rng)),
            CaseTensor(w_shape, scale=scales, axis=axis if per_channel else 0, data=weights), bias,
        ),
        (CaseTensor(y_shape, scale=out_scale, zero_point=zero),),
    )  # fmt: skip


def _window(rng, kernels) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int], int, tuple[int, int], tuple[int, int]]:
    """kernel, stride, dilation, padding kind, input and output extents."""
    k = tuple(int(v) for v in kernels[int(rng.integers(0, len(kernels)))])
    s = tuple(int(v) for v in rng.choice([[1, 1], [1, 1], [2, 2], [2, 1], [1, 2], [3, 2]]))
    d = (1, 1) if rng.integers(0, 6) else (int(rng.integers(1, 3)), int(rng.integers(1, 3)))
    padding = int(rng.integers(0, 2))
    extent = [(a - 1) * b + 1 for a, b in zip(k, d, strict=True)]
    size = [int(rng.integers(e if padding else 1, e + 9)) for e in extent]
    out = [-(-n // t) if padding == 0 else -(-(n - e + 1) // t) for n, t, e in zip(size, s, extent, strict=True)]
    return k, s, d, padding, (size[0], size[1]), (out[0], out[1])


def conv_2d(rng: np.random.Generator, name: str) -> Case:
    usual = rng.integers(0, 4) == 0  # first layers on pictures and on sound, 3x3 within a network: kernels have paths of their own for these
    kernels = [(3, 3), (3, 3), (5, 4), (4, 2)] if usual else [(1, 1), (1, 1), (3, 3), (2, 2), (1, 3), (4, 1), (5, 3), (3, 4)]
    k, s, d, padding, (h, w), (oh, ow) = _window(rng, kernels)
    ci, co = int(rng.choice([1, 2, 3, 4, 5, 7, 8, 12, 16, 20, 36])), int(rng.choice([2, 3, 4, 5, 6, 7, 8, 9, 12, 13]))
    if usual:
        ci = 4 // k[1] if k[1] != 3 else int(rng.choice([3, 3, 8, 16]))
    options = {"Padding": padding, "StrideH": s[0], "StrideW": s[1], "DilationHFactor": d[0], "DilationWFactor": d[1]}
    return _weighted(rng, name, options, (1, h, w, ci), (co, *k, ci), (1, oh, ow, co), co, 0, k[0] * k[1] * ci, 4000)


def pointwise(rng: np.random.Generator, name: str, x: CaseTensor, channels: int) -> Case:
    """A 1x1 CONV_2D that reads x."""
    options = {"Padding": 1, "StrideH": 1, "StrideW": 1}
    case = _weighted(rng, name, options, x.shape, (channels, 1, 1, x.shape[3]), (*x.shape[:3], channels), channels, 0, x.shape[3], 4000)
    return replace(case, inputs=(x, *case.inputs[1:]))


def depthwise_conv_2d(rng: np.random.Generator, name: str) -> Case:
    trained = rng.integers(0, 3) == 0
    k, s, d, padding, (h, w), (oh, ow) = _window(
        rng, [(3, 3)] if trained else [(3, 3), (3, 3), (5, 5), (7, 7), (3, 1), (5, 1), (10, 1), (1, 3), (2, 2), (1, 5), (3, 5), (4, 6)]
    )
    if rng.integers(0, 3) == 0:  # wide rows
        w += 24
        ow = -(-w // s[1]) if padding == 0 else -(-(w - (k[1] - 1) * d[1]) // s[1])
    c, m = int(rng.choice([1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 16])), 1 if rng.integers(0, 8) else 2
    if trained:
        c, m = c + 3, 1
    options = {"Padding": padding, "StrideH": s[0], "StrideW": s[1], "DilationHFactor": d[0], "DilationWFactor": d[1], "DepthMultiplier": m}
    return _weighted(rng, name, options, (1, h, w, c), (1, *k, c * m), (1, oh, ow, c * m), c * m, 3, k[0] * k[1], 3000, trained=trained)


def fully_connected(rng: np.random.Generator, name: str) -> Case:
    rows, k, units = int(rng.integers(1, 4)), int(rng.integers(1, 70)), int(rng.integers(1, 22))
    return _weighted(rng, name, {}, (rows, k), (units, k), (rows, units), units, 0, k, 3000, per_channel=bool(rng.integers(0, 2)))


def _binary(out: Callable[[float, float], float]) -> Callable[[np.random.Generator, str], Case]:
    def make(rng: np.random.Generator, name: str) -> Case:
        h, w, c = (int(v) for v in rng.integers(1, 9, 3))
        full = (1, h, w, c)
        other = full if rng.integers(0, 3) else (1, 1, 1, c)
        scales = [float(F32(v)) for v in 10.0 ** rng.uniform(-3, 0, 2)] if rng.integers(0, 3) == 0 else [0.05, 0.03]
        a, b = (CaseTensor(s, scale=v, zero_point=_zero_point(rng)) for s, v in zip((full, other), scales, strict=True))
        y = CaseTensor(full, scale=float(F32(out(*scales) * 2.0 ** rng.uniform(-2, 2))), zero_point=_zero_point(rng))
        return Case(name, {"FusedActivationFunction": int(rng.choice([0, 0, 1]))}, (a, b), (y,))

    return make


def mean(rng: np.random.Generator, name: str) -> Case:
    h, w, c = int(rng.integers(1, 9)), int(rng.integers(1, 9)), int(rng.integers(1, 20))
    axes = (1, 2) if rng.integers(0, 3) else (1 + int(rng.integers(0, 2)),)
    y = tuple(1 if k in axes else v for k, v in enumerate((1, h, w, c)))
    x = CaseTensor((1, h, w, c), scale=0.04, zero_point=_zero_point(rng))
    out = CaseTensor(y, scale=float(F32(0.04 * 2.0 ** rng.uniform(-3, 3))), zero_point=_zero_point(rng))
    return Case(name, {"KeepDims": True}, (x, CaseTensor((len(axes),), DType.INT32, data=np.array(axes, np.int32))), (out,))


def pool(rng: np.random.Generator, name: str) -> Case:
    k, s, _, padding, (h, w), _ = _window(rng, [(2, 2), (3, 3), (3, 2), (1, 4)])
    h, w = h + k[0], w + k[1]
    if rng.integers(0, 4) == 0:
        k, s, padding = (h, w), (1, 1), 1
    oh, ow = ((-(-n // t)) if padding == 0 else -(-(n - e + 1) // t) for n, t, e in zip((h, w), s, k, strict=True))
    c, zp = int(rng.integers(1, 20)), _zero_point(rng)
    options = {
        "Padding": padding, "StrideH": s[0], "StrideW": s[1], "FilterHeight": k[0], "FilterWidth": k[1],
        "FusedActivationFunction": int(rng.choice([0, 1])),
    }  # fmt: skip
    return Case(
        name, options, (CaseTensor((1, h, w, c), scale=0.05, zero_point=zp),), (CaseTensor((1, oh, ow, c), scale=0.05, zero_point=zp),)
    )


def resize(rng: np.random.Generator, name: str) -> Case:
    (h, w), (oh, ow), c = rng.integers(1, 8, 2), rng.integers(1, 12, 2), int(rng.integers(1, 38))
    size = (int(oh), int(ow)) if rng.integers(0, 2) else (2 * int(h), 2 * int(w))
    flags = ("", "AlignCorners", "HalfPixelCenters")
    flag = flags[int(rng.integers(0, 3))]
    options = {each: each == flag for each in flags[1:]}
    x = CaseTensor((1, int(h), int(w), c), scale=0.05, zero_point=-7)
    operand = CaseTensor((2,), DType.INT32, data=np.array(size, np.int32))
    return Case(name, options, (x, operand), (CaseTensor((1, *size, c), scale=0.05, zero_point=-7),))


MAKERS: dict[str, Callable[[np.random.Generator, str], Case]] = {
    "CONV_2D": conv_2d, "DEPTHWISE_CONV_2D": depthwise_conv_2d, "FULLY_CONNECTED": fully_connected,
    "ADD": _binary(lambda a, b: 0.7 * (a + b)), "SUB": _binary(lambda a, b: 0.7 * (a + b)), "MUL": _binary(lambda a, b: 60 * a * b),
    "MEAN": mean, "AVERAGE_POOL_2D": pool, "MAX_POOL_2D": pool,
    "RESIZE_BILINEAR": resize, "RESIZE_NEAREST_NEIGHBOR": resize,
}  # fmt: skip


def random_layers(op: str, count: int, seed: int) -> Iterator[Case]:
    """`count` cases of `op`, equal for equal seeds; none for an operator without a maker."""
    rng = np.random.default_rng(seed)
    for k in range(count if op in MAKERS else 0):
        yield MAKERS[op](rng, f"random_{k}")
