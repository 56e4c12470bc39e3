"""TensorFlow Lite flatbuffers (schema 3) -> Graph, without TensorFlow.

The file is untrusted: all reading goes through `flatbuffer.checked`, counts are limited before they are looped over,
and constants stay views of the file, so that time and memory are bounded by the file's size. Only subgraph 0 is built.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import tflite
from flatbuffers import number_types

from tinyml.errors import InternalError, InvalidModel, Unsupported, printable
from tinyml.importers import Importer
from tinyml.importers.flatbuffer import at, checked, defaults, root
from tinyml.importers.tflite_calls import OPTIONS, check_calls
from tinyml.importers.tflite_tensors import FIX, Place, TensorReader
from tinyml.ir import DType, Graph, Node, NodeView, Tensor
from tinyml.numerics import INTEGERS
from tinyml.opspec import Malformed, OpSpec, Options, Reject, model_ops, require, supported
from tinyml.passes.verify import verify

IDENTIFIER = b"TFL3"
MAX_OPERATORS = 10_000
MAX_OPERANDS = 50_000  # of all operators together
MAX_VECTOR = 1024  # numbers in a vector of the options, such as a shape
MAX_ACTIVATION_BYTES = 1 << 30  # of all intermediate tensors together
MAX_CONSTANT_BYTES = 1 << 27  # read by all operators together, each use counted: bounds what looking at the values costs
MAX_CHANNELS = 80_000  # of the outputs of all operators with int8 or int4 constants: bounds what choosing multipliers costs

OPERATORS = {v: k for k, v in vars(tflite.BuiltinOperator).items() if not k.startswith("_")}


@dataclass(frozen=True)
class _Operator:
    """An operator of the file, its operands verified to exist; -1 (absent) is None."""

    index: int
    name: str
    custom: str | None  # its code, if it is no builtin operator
    inputs: tuple[int | None, ...]
    outputs: tuple[int, ...]
    table: tflite.Operator

    @property
    def label(self) -> str:
        return f"operator {self.index} {self.name}"


class UnsupportedOperators(Unsupported):
    """`items`: one dict per operator that cannot be built: index (-1: not an operator), operator, shape, reason."""

    def __init__(self, place: str, items: list[dict[str, Any]]):
        self.items = items
        text = "; ".join(f"{self._label(i)} {i['shape']}: {i['reason']}" for i in items)
        super().__init__(place, f"{len(items)} of the model's operators cannot be built: {text}", "`tinyml ops` lists what can")

    @staticmethod
    def _label(item: dict[str, Any]) -> str:
        return item["operator"] if item["index"] < 0 else f"operator {item['index']} {item['operator']}"

    def to_json(self) -> dict[str, Any]:
        return {**super().to_json(), "items": self.items}


class TableOptions(Options):
    """The options of one operator, read through the schema's accessor."""

    def __init__(self, accessor: Any):
        self._accessor = accessor

    def get(self, name: str) -> Any:
        return getattr(self._accessor, name)()

    def vector(self, name: str) -> tuple[int, ...] | None:
        if getattr(self._accessor, name + "IsNone")():
            return None
        length = getattr(self._accessor, name + "Length")()
        require(length <= MAX_VECTOR, f"option {name} has {length} entries")
        return tuple(getattr(self._accessor, name + "AsNumpy")().tolist()) if length else ()


def load(data: bytes, name: str) -> Graph:
    """See :func:`tinyml.importers.import_model`."""
    data, file = bytes(data), printable(name)
    with Place(file):
        model = root(tflite.Model, data, IDENTIFIER)
        require(model.Version() == 3, f"schema version {model.Version()}, only 3 exists in the field")
        require(model.SubgraphsLength() > 0, "no subgraph")
        subgraph = checked(model.Subgraphs(0))
        tensors = TensorReader(model, subgraph, file)
        inputs, outputs = _edge(subgraph.InputsAsNumpy(), tensors, "input"), _edge(subgraph.OutputsAsNumpy(), tensors, "output")
        require(len(set(inputs)) == len(inputs), "a tensor is listed twice as graph input")
    operators = _operators(model, subgraph, tensors, file)
    _check_order(operators, inputs, outputs, tensors, file)

    specs, nodes, unsupported = model_ops(), [], []
    constants = channels = 0
    for o in operators:
        with Place(file, o.label):
            constants += sum(tensors.constant_bytes(t) for t in o.inputs if t is not None)
            require(constants <= MAX_CONSTANT_BYTES, f"more than {MAX_CONSTANT_BYTES} bytes of constants up to here")
            channels += _weighted_channels(o, tensors)
            require(channels <= MAX_CHANNELS, f"more than {MAX_CHANNELS} channels of layers with weights up to here")
            try:
                node = _node(o, specs.get(o.name), tensors, data)
                if not _evaluated(node, specs[o.name], tensors, outputs):
                    nodes.append(node)
            except Reject as why:
                unsupported.append(_item(o.index, o.name, tensors.shape(o.outputs[0]), str(why)))
    if any(o.name not in specs for o in operators):
        with Place(file):
            check_calls(model, data)
    for t in (*inputs, *outputs) if not unsupported else ():
        try:
            tensors.get(t)
        except Reject as why:
            unsupported.append(_item(-1, "graph input or output", tensors.shape(t), str(why)))
    if unsupported:
        raise UnsupportedOperators(file, unsupported)

    used = sorted({*inputs, *outputs, *(t for n in nodes for t in (*n.inputs, *n.outputs) if t is not None)})
    graph = Graph(file, {t: tensors.get(t) for t in used}, tuple(nodes), inputs, outputs)
    total = sum(t.bytes for t in graph.tensors.values() if not t.is_const)
    if total > MAX_ACTIVATION_BYTES:
        raise InvalidModel(
            file, f"tensors between operators take {total} bytes, more than {MAX_ACTIVATION_BYTES}", "use a smaller network or input"
        )
    try:
        verify(graph)
    except InternalError as error:
        raise InvalidModel(f"{file}: {error.place}", error.what, FIX) from error
    return graph


def _weighted_channels(o: _Operator, tensors: TensorReader) -> int:
    """Extent of the last dimension of an operator's output, 0 where no operand is a constant of at most 8 bits."""
    weighted = any(t is not None and tensors.constant_bytes(t) > 0 and tensors.is_narrow(t) for t in o.inputs)
    return (tensors.shape(o.outputs[0]) or (1,))[-1] if weighted else 0


def _item(index: int, operator: str, shape: tuple[int, ...], reason: str) -> dict[str, Any]:
    return {"index": index, "operator": operator, "shape": list(shape), "reason": reason}


def _ids(vector: Any) -> list[int]:
    return [] if isinstance(vector, int) else vector.tolist()  # accessors give 0 for an absent vector


def _edge(vector: Any, tensors: TensorReader, what: str) -> tuple[int, ...]:
    """The tensors of the graph's inputs or outputs."""
    count = 0 if isinstance(vector, int) else len(vector)
    require(0 < count <= MAX_OPERANDS, f"{count} graph {what}s")
    ids = _ids(vector)
    for t in ids:
        require(0 <= t < tensors.count, f"graph {what}: tensor index {t} is outside 0..{tensors.count - 1}")
    return tuple(ids)


def _operators(model: tflite.Model, subgraph: tflite.SubGraph, tensors: TensorReader, file: str) -> list[_Operator]:
    with Place(file):
        count, codes = subgraph.OperatorsLength(), model.OperatorCodesLength()
        require(0 < count <= MAX_OPERATORS, f"{count} operators, must be 1..{MAX_OPERATORS}")
    operators, named, budget = [], {}, MAX_OPERANDS
    for k in range(count):
        with Place(file, f"operator {k}"):
            table = checked(subgraph.Operators(k))
            code = table.OpcodeIndex()
            require(code < codes, f"operator code index {code} is outside 0..{codes - 1}")
            if code not in named:
                named[code] = _operator_name(checked(model.OperatorCodes(code)))
            name, custom = named[code]
        with Place(file, f"operator {k} {name}"):
            budget -= table.InputsLength() + table.OutputsLength()
            require(budget >= 0, f"more than {MAX_OPERANDS} operands in the model")
            ins, outs = _ids(table.InputsAsNumpy()), _ids(table.OutputsAsNumpy())
            require(len(outs) > 0, "no output")
            for t in (*(t for t in ins if t != -1), *outs):
                tensors.require_index(t)
            operators.append(_Operator(k, name, custom, tuple(None if t == -1 else t for t in ins), tuple(outs), table))
    return operators


def _operator_name(code: tflite.OperatorCode) -> tuple[str, str | None]:
    """(name, custom code). The schema's rule for its two code fields: the larger one counts, the older has 8 bits."""
    field = code._tab.Offset(10)  # the accessor BuiltinCode() prefers the old field for small codes
    number = max(code._tab.Get(number_types.Int32Flags, code._tab.Pos + field) if field else 0, code.DeprecatedBuiltinCode())
    name = OPERATORS.get(number, f"number {number}")
    return name, printable(code.CustomCode() or b"") if name == "CUSTOM" else None


def _check_order(operators: list[_Operator], inputs: tuple[int, ...], outputs: tuple[int, ...], tensors: TensorReader, file: str) -> None:
    """Each tensor has one source, and operators come after what they read: so there is no cycle."""
    for t in inputs:
        with Place(file, tensors.label(t)):
            require(not tensors.is_const(t), "a graph input has constant data")
    writers: dict[int, str] = {t: "the graph's input" for t in inputs}
    for o in operators:
        with Place(file, o.label):
            for t in o.inputs:
                if t is not None and t not in writers and t not in o.outputs and not tensors.is_const(t):
                    require(tensors.is_variable(t), f"reads {tensors.label(t)}, which nothing before it writes")
            for t in o.outputs:
                require(t not in o.inputs, f"{tensors.label(t)} is both its input and its output")
                require(t not in writers, f"writes {tensors.label(t)}, as {writers.get(t)} already does")
                require(not tensors.is_const(t), f"writes {tensors.label(t)}, which has constant data")
                writers[t] = o.label
    for t in outputs:
        with Place(file, tensors.label(t)):
            require(t in writers, "a graph output that no operator writes")


def _node(o: _Operator, spec: OpSpec | None, tensors: TensorReader, data: bytes) -> Node:
    if spec is None:
        for t in (*o.inputs, *o.outputs):  # a damaged tensor makes the file invalid, whatever reads it
            if t is not None:
                tensors.shape(t)
        supported(o.custom is None, f"custom operator '{o.custom}'")
        raise Reject("this operator is not supported")
    least, most = spec.arity
    require(least <= len(o.inputs) <= most, f"{len(o.inputs)} inputs, must be {least}..{most}")
    for k, t in enumerate(o.inputs):
        require(t is not None or k in spec.optional_inputs, f"input {k} is absent (-1), but is not optional")
    ins, outs = _operands(o, tensors)
    options = _options(o, spec, data)
    node = Node(o.name, o.inputs, o.outputs, spec.read(options, ins, outs), o.index)
    inferred = spec.infer(NodeView(node, ins, outs))
    require(len(inferred) == len(outs), f"{len(outs)} outputs, must be {len(inferred)}")
    for t, shape in zip(outs, inferred, strict=True):
        require(t.shape == tuple(shape), f"output {tensors.label(t.id)} has shape {list(t.shape)}, its operands give {list(shape)}")
    return node


def _evaluated(node: Node, spec: OpSpec, tensors: TensorReader, outputs: tuple[int, ...]) -> bool:
    """Whether the node is arithmetic on shapes, whose results are constants from here on: other operators may want them as such.
    What the network returns stays an operator."""
    ins = tuple(None if t is None else tensors.get(t) for t in node.inputs)
    outs = tuple(map(tensors.get, node.outputs))
    known = spec.static or all(t is None or t.is_const for t in ins)
    small = all(t.dtype in (DType.INT32, DType.INT64) and t.elements <= MAX_VECTOR for t in outs)
    if not known or not small or any(t.id in outputs for t in outs):
        return False
    for t, values in zip(outs, spec.reference(NodeView(node, ins, outs), tuple(None if t is None else t.data for t in ins)), strict=True):
        tensors.define(t.id, values)
    return True


def _operands(o: _Operator, tensors: TensorReader) -> tuple[tuple[Tensor | None, ...], tuple[Tensor, ...]]:
    reasons = []
    found: dict[int, Tensor] = {}
    for t in dict.fromkeys(t for t in (*o.inputs, *o.outputs) if t is not None):
        try:
            found[t] = tensors.get(t)
            t_ = found[t]
            supported(t_.dtype not in INTEGERS or t_.quant is not None, f"{tensors.label(t)}: {t_.dtype.value} without a scale")
        except Reject as why:
            reasons.append(str(why))
    supported(not reasons, ", ".join(reasons))
    return tuple(None if t is None else found[t] for t in o.inputs), tuple(found[t] for t in o.outputs)


def _options(o: _Operator, spec: OpSpec, data: bytes) -> Options:
    if spec.options is None:
        return Options()
    cls, kind = getattr(tflite, spec.options), o.table.BuiltinOptionsType()
    try:
        table = o.table.BuiltinOptions() if kind else None
        if table is None:
            return TableOptions(defaults(cls))
        found = OPTIONS.get(kind, f"number {kind}")
        require(found == spec.options, f"a table {found}, not {spec.options}")
        return TableOptions(at(cls, data, table.Pos))
    except Malformed as error:
        raise Malformed(f"options: {error}") from error


IMPORTER = Importer(
    "TensorFlow Lite", ".tflite", lambda data, name: data[4:8] == IDENTIFIER or name.lower().endswith(".tflite"), load, litert=True
)  # fmt: skip
