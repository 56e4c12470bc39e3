"""Writes .tflite files tensor by tensor and operator by operator, through the builder functions of the schema package.

Nothing is checked here: what is put in goes into the file, right or wrong. Shares no code with the importer, so that the two
can witness for each other.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import flatbuffers
import numpy as np
import tflite

from tinyml.ir import DType
from tinyml.opspec import load_ops
from tinyml.packing import pack

Shape = tuple[int, ...]


@dataclass
class TensorDef:
    """Fields of the schema's Tensor, as they go into the file, right or wrong."""

    name: str | bytes
    shape: Shape
    type: int
    scales: tuple[float, ...] = ()
    zero_points: tuple[int, ...] = ()
    axis: int = 0
    data: bytes | None = None
    buffer: int | None = None  # overrides the buffer that `data` would get
    variable: bool = False
    sparse: bool = False
    signature: Shape | None = None


@dataclass
class OperatorDef:
    name: str  # schema name, or "CUSTOM:code"
    inputs: list[int]
    outputs: list[int]
    options: dict[str, Any]
    table: str | None
    table2: bool = False  # the options go to builtin_options_2
    code: int | None = None  # overrides the operator code's index


def _tuple(value: Any) -> tuple:
    return () if value is None else tuple(value) if isinstance(value, (tuple, list, np.ndarray)) else (value,)


@dataclass
class ModelBuilder:
    """One subgraph: `tensor` and `op` add to it, `build` gives the file's bytes. Fields may be edited in between."""

    tensors: list[TensorDef] = field(default_factory=list)
    operators: list[OperatorDef] = field(default_factory=list)
    version: int = 3
    identifier: bytes = b"TFL3"
    description: str = "tinyml"

    def tensor(
        self, shape: Shape, dtype: DType | int = DType.INT8, scale: Any = None, zero_point: Any = 0, axis: int = 0,
        data: Any = None, name: str | bytes | None = None,
    ) -> int:  # fmt: skip
        """Adds a tensor, constant where `data` (an array, or raw bytes) is given; returns its index."""
        kind = dtype if isinstance(dtype, int) else getattr(tflite.TensorType, dtype.name)
        scales = _tuple(scale)
        zero_points = _tuple(zero_point) if isinstance(zero_point, (tuple, list)) else (zero_point,) * len(scales)
        if data is not None and not isinstance(data, bytes):
            data = np.ascontiguousarray(data, dtype.numpy if isinstance(dtype, DType) else None)
            narrow = isinstance(dtype, DType) and dtype.packed  # values follow each other without gaps, low bits first
            data = (pack(data.reshape(1, -1), dtype) if narrow else data).tobytes()
        name = f"t{len(self.tensors)}" if name is None else name
        self.tensors.append(TensorDef(name, tuple(shape), kind, scales, zero_points, axis, data))
        return len(self.tensors) - 1

    def const(self, data: np.ndarray, **quant: Any) -> int:
        """Adds a constant with the shape and type of `data`."""
        return self.tensor(data.shape, DType(data.dtype.name), data=data, **quant)

    def op(
        self, name: str, inputs: list[int | None], outputs: list[int], options: dict[str, Any] | None = None, table: str | None = None,
        **raw: Any,
    ) -> list[int]:  # fmt: skip
        """Adds an operator; returns `outputs`. The options table is the spec's where `table` does not name another."""
        if table is None and name in load_ops():
            table = load_ops()[name].options
        ins = [-1 if t is None else t for t in inputs]
        self.operators.append(OperatorDef(name, ins, list(outputs), options or {}, table, **raw))
        return list(outputs)

    def build(self, inputs: list[int], outputs: list[int], called: list[ModelBuilder] | None = None) -> bytes:
        """The file. `called` are further subgraphs, without inputs and outputs."""
        writer = _Writer(self)
        subgraphs = [writer.subgraph(self, inputs, outputs)] + [writer.subgraph(s, [], []) for s in called or []]
        return writer.finish(subgraphs)


class _Writer:
    def __init__(self, model: ModelBuilder):
        self.b = flatbuffers.Builder(1024)
        self.version, self.identifier, self.description = model.version, model.identifier, model.description
        self.buffers: list[bytes] = [b""]
        self.codes: list[str] = []

    def offsets(self, items: list[int]) -> int:
        self.b.StartVector(4, len(items), 4)
        for item in reversed(items):
            self.b.PrependUOffsetTRelative(item)
        return self.b.EndVector()

    def numbers(self, values: Any, dtype: Any) -> int:
        return self.b.CreateNumpyVector(np.array(values, dtype))

    def subgraph(self, g: ModelBuilder, inputs: list[int], outputs: list[int]) -> int:
        b = self.b
        tensors = self.offsets([self.tensor(t) for t in g.tensors])
        operators = self.offsets([self.operator(o) for o in g.operators])
        ins, outs = self.numbers(inputs, np.int32), self.numbers(outputs, np.int32)
        tflite.SubGraphStart(b)
        tflite.SubGraphAddTensors(b, tensors)
        tflite.SubGraphAddInputs(b, ins)
        tflite.SubGraphAddOutputs(b, outs)
        tflite.SubGraphAddOperators(b, operators)
        return tflite.SubGraphEnd(b)

    def tensor(self, t: TensorDef) -> int:
        b = self.b
        number = t.buffer
        if number is None:
            number = len(self.buffers) if t.data is not None else 0
            if t.data is not None:
                self.buffers.append(t.data)
        name, shape = b.CreateString(t.name), self.numbers(t.shape, np.int32)
        signature = None if t.signature is None else self.numbers(t.signature, np.int32)
        quant = sparsity = None
        if t.scales or t.zero_points:
            scales, zero_points = self.numbers(t.scales, np.float32), self.numbers(t.zero_points, np.int64)
            tflite.QuantizationParametersStart(b)
            tflite.QuantizationParametersAddScale(b, scales)
            tflite.QuantizationParametersAddZeroPoint(b, zero_points)
            tflite.QuantizationParametersAddQuantizedDimension(b, t.axis)
            quant = tflite.QuantizationParametersEnd(b)
        if t.sparse:
            tflite.SparsityParametersStart(b)
            sparsity = tflite.SparsityParametersEnd(b)
        tflite.TensorStart(b)
        tflite.TensorAddShape(b, shape)
        tflite.TensorAddType(b, t.type)
        tflite.TensorAddBuffer(b, number)
        tflite.TensorAddName(b, name)
        tflite.TensorAddIsVariable(b, t.variable)
        if quant is not None:
            tflite.TensorAddQuantization(b, quant)
        if sparsity is not None:
            tflite.TensorAddSparsity(b, sparsity)
        if signature is not None:
            tflite.TensorAddShapeSignature(b, signature)
        return tflite.TensorEnd(b)

    def operator(self, o: OperatorDef) -> int:
        b = self.b
        if o.name not in self.codes:
            self.codes.append(o.name)
        options = None if o.table is None else self.options(o.table, o.options)
        ins, outs = self.numbers(o.inputs, np.int32), self.numbers(o.outputs, np.int32)
        tflite.OperatorStart(b)
        tflite.OperatorAddOpcodeIndex(b, self.codes.index(o.name) if o.code is None else o.code)
        tflite.OperatorAddInputs(b, ins)
        tflite.OperatorAddOutputs(b, outs)
        if options is not None and o.table2:
            tflite.OperatorAddBuiltinOptions2Type(b, getattr(tflite.BuiltinOptions2, o.table))
            tflite.OperatorAddBuiltinOptions2(b, options)
        elif options is not None:
            tflite.OperatorAddBuiltinOptionsType(b, getattr(tflite.BuiltinOptions, o.table))
            tflite.OperatorAddBuiltinOptions(b, options)
        return tflite.OperatorEnd(b)

    def options(self, table: str, fields: dict[str, Any]) -> int:
        b = self.b
        values = {
            name: self.numbers(value, np.int32) if hasattr(tflite, f"{table}Start{name}Vector") else value for name, value in fields.items()
        }
        getattr(tflite, f"{table}Start")(b)
        for name, value in values.items():
            getattr(tflite, f"{table}Add{name}")(b, value)
        return getattr(tflite, f"{table}End")(b)

    def code(self, name: str) -> int:
        b = self.b
        builtin, _, custom = name.partition(":")
        text = b.CreateString(custom) if custom else None
        number = getattr(tflite.BuiltinOperator, builtin)
        tflite.OperatorCodeStart(b)
        tflite.OperatorCodeAddDeprecatedBuiltinCode(b, min(number, 127))
        tflite.OperatorCodeAddBuiltinCode(b, number)
        tflite.OperatorCodeAddVersion(b, 1)
        if text is not None:
            tflite.OperatorCodeAddCustomCode(b, text)
        return tflite.OperatorCodeEnd(b)

    def buffer(self, data: bytes) -> int:
        b = self.b
        vector = None
        if data:
            b.StartVector(1, len(data), 16)
            b.head -= len(data)
            b.Bytes[b.head : b.head + len(data)] = data
            vector = b.EndVector()
        tflite.BufferStart(b)
        if vector is not None:
            tflite.BufferAddData(b, vector)
        return tflite.BufferEnd(b)

    def finish(self, subgraphs: list[int]) -> bytes:
        b = self.b
        graphs = self.offsets(subgraphs)
        codes = self.offsets([self.code(c) for c in self.codes])
        buffers = self.offsets([self.buffer(d) for d in self.buffers])
        description = b.CreateString(self.description)
        tflite.ModelStart(b)
        tflite.ModelAddVersion(b, self.version)
        tflite.ModelAddOperatorCodes(b, codes)
        tflite.ModelAddSubgraphs(b, graphs)
        tflite.ModelAddDescription(b, description)
        tflite.ModelAddBuffers(b, buffers)
        b.Finish(tflite.ModelEnd(b), self.identifier)
        return bytes(b.Output())
