"""Small hand-made networks for tests of passes, storage, checker and emission; all tensors int8 unless said otherwise."""

from __future__ import annotations

import numpy as np

from tflite_writer import ModelBuilder
from tinyml.importers import import_model
from tinyml.ir import DType, Graph

SCALE, ZERO = 0.05, -3
SAME, VALID = 0, 1


class Net(ModelBuilder):
    """ModelBuilder with one method per operator that the tests need; each returns its output's tensor id."""

    def act(self, shape, scale: float | None = SCALE, zero_point: int = ZERO) -> int:
        return self.tensor(shape, DType.FLOAT32) if scale is None else self.tensor(shape, DType.INT8, scale, zero_point)

    def ints(self, values) -> int:
        return self.const(np.array(values, np.int32))

    def _shape(self, t: int) -> tuple[int, ...]:
        return self.tensors[t].shape

    def conv(
        self, x: int, channels: int, k: int = 1, stride: int = 1, padding: int = SAME, zero_point: int = ZERO, scale: float = SCALE
    ) -> int:
        rng = np.random.default_rng(len(self.tensors))
        _, h, w, c = self._shape(x)
        size = [-(-e // stride) if padding == SAME else (e - k) // stride + 1 for e in (h, w)]
        weights = self.const(rng.integers(-127, 128, (channels, k, k, c)).astype(np.int8), scale=0.02, zero_point=0)
        bias = self.const(rng.integers(-999, 999, channels).astype(np.int32), scale=0.001, zero_point=0)
        options = {"Padding": padding, "StrideH": stride, "StrideW": stride, "DilationHFactor": 1, "DilationWFactor": 1}
        return self.op("CONV_2D", [x, weights, bias], [self.act((1, *size, channels), scale, zero_point)], options)[0]

    def depthwise(self, x: int, k: int = 3, stride: int = 1, zero_point: int = ZERO, scale: float = SCALE) -> int:
        rng = np.random.default_rng(len(self.tensors))
        _, h, w, c = self._shape(x)
        weights = self.const(rng.integers(-127, 128, (1, k, k, c)).astype(np.int8), scale=0.02, zero_point=0)
        bias = self.const(rng.integers(-999, 999, c).astype(np.int32), scale=0.001, zero_point=0)
        options = {"Padding": SAME, "StrideH": stride, "StrideW": stride, "DilationHFactor": 1, "DilationWFactor": 1, "DepthMultiplier": 1}
        out = self.act((1, -(-h // stride), -(-w // stride), c), scale, zero_point)
        return self.op("DEPTHWISE_CONV_2D", [x, weights, bias], [out], options)[0]

    def unary(self, op: str, x: int, scale: float = SCALE, zero_point: int = ZERO, **options) -> int:
        return self.op(op, [x], [self.act(self._shape(x), scale, zero_point)], options)[0]

    def add(self, a: int, b: int) -> int:
        shape = np.broadcast_shapes(self._shape(a), self._shape(b))
        return self.op("ADD", [a, b], [self.act(shape)], {})[0]

    def mul(self, a: int, b: int) -> int:
        """The second one broadcast."""
        return self.op("MUL", [a, b], [self.act(self._shape(a))], {})[0]

    def reshape(self, x: int, shape) -> int:
        return self.op("RESHAPE", [x, self.ints(shape)], [self.act(shape)], {})[0]

    def pad(self, x: int, pads) -> int:
        shape = [e + sum(p) for e, p in zip(self._shape(x), pads, strict=True)]
        return self.op("PAD", [x, self.ints(pads)], [self.act(shape)])[0]

    def concat(self, parts: list[int], axis: int) -> int:
        shape = list(self._shape(parts[0]))
        shape[axis] = sum(self._shape(p)[axis] for p in parts)
        return self.op("CONCATENATION", parts, [self.act(shape)], {"Axis": axis})[0]

    def split(self, x: int, axis: int, parts: int) -> list[int]:
        shape = list(self._shape(x))
        shape[axis] //= parts
        outs = [self.act(shape) for _ in range(parts)]
        return self.op("SPLIT", [self.const(np.array(axis, np.int32)), x], outs, {"NumSplits": parts})

    def slice(self, x: int, begin, size) -> int:
        return self.op("SLICE", [x, self.ints(begin), self.ints(size)], [self.act(size)])[0]

    def max_pool(self, x: int, k: int, stride: int = 1) -> int:
        _, h, w, c = self._shape(x)
        size = [(e - k) // stride + 1 for e in (h, w)]
        options = {"Padding": VALID, "StrideH": stride, "StrideW": stride, "FilterHeight": k, "FilterWidth": k}
        return self.op("MAX_POOL_2D", [x], [self.act((1, *size, c))], options)[0]

    def mean(self, x: int) -> int:
        """Average over rows and columns, dimensions kept."""
        shape = (1, 1, 1, self._shape(x)[3])
        return self.op("MEAN", [x, self.ints([1, 2])], [self.act(shape)], {"KeepDims": True})[0]

    def graph(self, inputs: list[int], outputs: list[int]) -> Graph:
        return import_model(self.build(inputs, outputs), "hand made")


def ops(graph: Graph) -> list[str]:
    return [n.op for n in graph.nodes]
