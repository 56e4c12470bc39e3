"""Tensors of a .tflite file, each read and verified on first use: shape, type, quantisation, constant data."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import tflite

from tinyml.errors import InvalidModel, printable
from tinyml.importers.flatbuffer import checked
from tinyml.ir import DType, Quant, Tensor
from tinyml.numerics import RANGE
from tinyml.opspec import Malformed, Reject, require, supported
from tinyml.packing import unpack

MAX_RANK = 8
MAX_ELEMENTS = (1 << 31) - 1  # of one tensor: sizes and indices are int32 in the generated C
MAX_SCALES = 1 << 17  # of all used tensors together: bounds the memory that shared scale vectors can blow up to
# Denormal scales make real / scale infinite in float32 arithmetic
MIN_SCALE, MAX_SCALE = 1e-37, 3.4e38

TYPE_NAMES = {v: k for k, v in vars(tflite.TensorType).items() if not k.startswith("_")}
DTYPES = {number: DType[name] for number, name in TYPE_NAMES.items() if name in DType.__members__}

FIX = "the file is damaged or was not written by a converter: export the model again"


class Place:
    """``with Place(file, where):`` turns Malformed into an InvalidModel that names the place."""

    __slots__ = ("where",)

    def __init__(self, file: str, where: str = ""):
        self.where = f"{file}: {where}" if where else file

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Malformed):
            raise InvalidModel(self.where, str(error), FIX) from error


class TensorReader:
    """Tensor look-up by index. All methods raise InvalidModel where the file contradicts itself."""

    def __init__(self, model: tflite.Model, subgraph: tflite.SubGraph, file: str):
        self.file = file
        self._model, self._subgraph = model, subgraph
        self.count, self._buffers = subgraph.TensorsLength(), model.BuffersLength()
        self._raw: dict[int, tflite.Tensor] = {}
        self._shapes: dict[int, tuple[int, ...]] = {}
        self._tensors: dict[int, Tensor | Reject] = {}
        self._scales = 0

    def require_index(self, index: int) -> None:
        require(0 <= index < self.count, f"tensor index {index} is outside 0..{self.count - 1}")

    def label(self, index: int) -> str:
        return f"tensor {index} '{self._name(index)}'"

    def _name(self, index: int) -> str:
        with Place(self.file, f"tensor {index}"):
            return printable(self._table(index).Name() or b"")

    def _table(self, index: int) -> tflite.Tensor:
        table = self._raw.get(index)
        if table is None:
            table = self._raw[index] = checked(self._subgraph.Tensors(index))
        return table

    def shape(self, index: int) -> tuple[int, ...]:
        shape = self._shapes.get(index)
        if shape is None:
            with Place(self.file, self.label(index)):
                shape = self._shapes[index] = self._read_shape(self._table(index))
        return shape

    @staticmethod
    def _read_shape(t: tflite.Tensor) -> tuple[int, ...]:
        if t.ShapeIsNone():
            return ()
        dims = t.ShapeAsNumpy()
        require(len(dims) <= MAX_RANK, f"rank {len(dims)} is above {MAX_RANK}")
        shape = tuple(dims.tolist())
        require(all(d > 0 for d in shape), f"shape {list(shape)} has a dimension that is not positive")
        require(math.prod(shape) <= MAX_ELEMENTS, f"shape {list(shape)} has more than {MAX_ELEMENTS} elements")
        return shape

    def is_variable(self, index: int) -> bool:
        with Place(self.file, self.label(index)):
            return self._table(index).IsVariable()

    def is_const(self, index: int) -> bool:
        with Place(self.file, self.label(index)):
            buffer = self._buffer(self._table(index))
            return buffer is not None and (buffer.DataLength() > 0 or buffer.Offset() > 1)

    def is_narrow(self, index: int) -> bool:
        """Of at most 8 bits, as weights are."""
        with Place(self.file, self.label(index)):
            return self._table(index).Type() in (tflite.TensorType.INT8, tflite.TensorType.INT4)

    def constant_bytes(self, index: int) -> int:
        with Place(self.file, self.label(index)):
            buffer = self._buffer(self._table(index))
            return 0 if buffer is None else buffer.DataLength()

    def get(self, index: int) -> Tensor:
        """Raises Reject where the tensor is well-formed and of a kind that cannot be built."""
        found = self._tensors.get(index)
        if found is None:
            with Place(self.file, self.label(index)):
                try:
                    found = self._read(index)
                except Reject as error:
                    found = Reject(f"{self.label(index)}: {error}")
            self._tensors[index] = found
        if isinstance(found, Reject):
            raise found
        return found

    def define(self, index: int, data: np.ndarray) -> None:
        """Makes a tensor that an operator writes a constant: what the operator gives is known."""
        data = np.array(data, order="C")
        data.setflags(write=False)
        self._tensors[index] = replace(self.get(index), data=data)

    def _buffer(self, t: tflite.Tensor) -> tflite.Buffer | None:
        """The tensor's buffer; None for number 0, which by convention is empty."""
        number = t.Buffer()
        require(number < max(self._buffers, 1), f"buffer index {number} is outside 0..{self._buffers - 1}")
        return checked(self._model.Buffers(number)) if number else None

    def _read(self, index: int) -> Tensor:
        t, shape = self._table(index), self.shape(index)
        code = t.Type()
        require(code in TYPE_NAMES, f"type number {code} does not exist")
        buffer = self._buffer(t)
        if buffer is not None:
            supported(buffer.Offset() <= 1, "its data lies outside the model's tables (a file above 2 GB)")
        supported(t.Sparsity() is None, "sparse storage")
        supported(not t.IsVariable(), "a variable, whose value is kept between runs")
        # the quantisation and the data are verified only for types that we know the size of
        supported(code in DTYPES, f"type {TYPE_NAMES[code]}")
        dtype = DTYPES[code]
        data = None if buffer is None else self._read_data(buffer, dtype, shape)
        quant = self._read_quant(t, dtype, shape) if dtype in RANGE else None
        supported(data is not None or quant is None or not quant.per_channel, "activations quantised per channel")
        return Tensor(index, self._name(index), shape, dtype, quant, data)

    @staticmethod
    def _read_data(buffer: tflite.Buffer, dtype: DType, shape: tuple[int, ...]) -> np.ndarray | None:
        if buffer.DataLength() == 0:
            return None
        raw = buffer.DataAsNumpy()
        size = -(-math.prod(shape) * dtype.bits // 8)  # sub-byte values follow each other without gaps
        require(len(raw) == size, f"buffer of {len(raw)} bytes, but shape {list(shape)} of {dtype.value} takes {size}")
        if dtype.packed:
            return unpack(raw, dtype, math.prod(shape)).reshape(shape)
        values = raw.view(dtype.numpy).reshape(shape)
        require(dtype is not DType.FLOAT32 or bool(np.isfinite(values).all()), "constant data holds NaN or infinite values")
        return values

    def _read_quant(self, t: tflite.Tensor, dtype: DType, shape: tuple[int, ...]) -> Quant | None:
        q = t.Quantization()
        if q is None:
            return None
        q = checked(q)
        supported(q.DetailsType() == 0, "custom quantisation")
        if q.ScaleLength() == 0:
            return None
        scales, axis = q.ScaleAsNumpy(), q.QuantizedDimension()
        zero_points = q.ZeroPointAsNumpy() if q.ZeroPointLength() else np.zeros(len(scales), np.int64)
        if len(scales) != 1:
            require(0 <= axis < len(shape), f"quantised dimension {axis} is outside rank {len(shape)}")
            require(len(scales) == shape[axis], f"{len(scales)} scales for dimension {axis} of size {shape[axis]}")
        require(len(zero_points) == len(scales), f"{len(zero_points)} zero points for {len(scales)} scales")
        self._scales += len(scales)
        require(self._scales <= MAX_SCALES, f"more than {MAX_SCALES} scales in the model")
        check_values(scales, zero_points, dtype)
        return Quant(tuple(scales.tolist()), tuple(zero_points.tolist()), axis if len(scales) > 1 else 0)


def check_values(scales: np.ndarray, zero_points: np.ndarray, dtype: DType) -> None:
    """Scales float [N] and zero points int [N] that arithmetic on a tensor of `dtype` can take."""
    ok = (scales >= MIN_SCALE) & (scales <= MAX_SCALE)  # False for NaN
    require(bool(ok.all()), f"scale {scales[np.argmin(ok)]} is not a positive, finite, normal number")
    low, high = RANGE[dtype]
    ok = (zero_points >= low) & (zero_points <= high)
    require(bool(ok.all()), f"zero point {zero_points[np.argmin(ok)]} is outside {low}..{high}")
