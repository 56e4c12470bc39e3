"""Random layers of int16 activations and int8 weights: the random int8 layers, widened."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from packed_layers import Layer
from random_layers import MAKERS, random_layers
from tflite_writer import random_inputs, write_case
from tinyml.importers import import_model
from tinyml.ir import DType
from tinyml.ops.int16 import _wide
from tinyml.opspec import Case, CaseTensor, load_ops


def sigmoid(count: int, seed: int) -> Iterator[Case]:
    """Scales over all that is taken, powers of two among them, which have a multiplier of their own."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        shape = (1, *(int(v) for v in rng.integers(1, 12, 3)))
        scale = 2.0 ** -int(rng.integers(9, 16)) if number % 3 == 0 else 10.0 ** rng.uniform(-7, 0.7)
        x = CaseTensor(shape, DType.INT16, scale=float(np.float32(scale)))
        yield Case(str(number), {}, (x,), (replace(x, scale=1 / 32768),))


def transposed(count: int, seed: int) -> Iterator[Case]:
    rng = np.random.default_rng(seed)
    for number in range(count):
        kh, kw, sh, sw, h, w = (int(v) for v in (*rng.integers(1, 5, 2), *rng.integers(1, 4, 2), *rng.integers(1, 7, 2)))
        ci, co, padding = int(rng.integers(1, 40)), int(rng.integers(1, 9)), int(rng.integers(0, 2))
        out = [n * s if padding == 0 else (n - 1) * s + k for n, s, k in ((h, sh, kh), (w, sw, kw))]
        scales = tuple(float(np.float32(v)) for v in rng.uniform(0.002, 0.02, co))
        data = rng.integers(-127, 128, (co, kh, kw, ci)).astype(np.int8)
        bias = CaseTensor((co,), DType.INT64, scale=tuple(1e-4 * v for v in scales), data=rng.integers(-(1 << 24), 1 << 24, co))
        x, y = CaseTensor((1, h, w, ci), DType.INT16, scale=1e-4), CaseTensor((1, *out, co), DType.INT16, scale=float(3e-4 * ci**0.5))
        shape = CaseTensor((4,), DType.INT32, data=np.array(y.shape, np.int32))
        options = {"Padding": padding, "StrideH": sh, "StrideW": sw, "FusedActivationFunction": int(rng.integers(0, 2))}
        inputs = (shape, CaseTensor(data.shape, scale=scales, data=data), x, bias)
        yield Case(str(number), options, inputs if rng.integers(0, 4) else inputs[:3], (y,))


WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
MOVING = ("ADD", "SUB", "MUL", "AVERAGE_POOL_2D", "MAX_POOL_2D", "MEAN", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR")
OWN = {"LOGISTIC": sigmoid, "TANH": sigmoid, "TRANSPOSE_CONV": transposed}
SHORT = {"CONV_2D b32": "CONV_2D", "FULLY_CONNECTED b32": "FULLY_CONNECTED"}  # with biases of int32
OPERATORS = (*(op for op in (*WEIGHTED, *MOVING) if op in MAKERS), *OWN, *SHORT)


def cases(op: str, count: int, seed: int) -> Iterator[tuple[Case, bytes]]:
    """`count` layers and their files, equal for equal arguments."""
    short, op = op in SHORT, SHORT.get(op, op)
    made = OWN[op](count, seed) if op in OWN else random_layers(op, count, seed)
    for case in made:
        wide = case if op in OWN else _wide.weighted_case(case) if op in WEIGHTED else _wide.plain_case(case)
        wide = _wide.short_bias_case(wide) if short else wide
        if op in ("ADD", "SUB"):
            wide = replace(wide, options={**wide.options, "PotScaleInt16": False})
        yield wide, write_case(load_ops()[op], wide)


def layers(op: str, count: int, seed: int) -> Iterator[Layer]:
    """Those of `cases` that are not refused, with operands."""
    for number, (case, data) in enumerate(cases(op, count, seed)):
        graph = import_model(data, case.name)
        n = graph.view(graph.nodes[0])
        fed = dict(zip(graph.inputs, random_inputs(case, number), strict=True))
        yield Layer(
            f"{op} {number}", load_ops()[SHORT.get(op, op)], n, tuple(None if t is None else fed.get(t.id, t.data) for t in n.inputs)
        )
