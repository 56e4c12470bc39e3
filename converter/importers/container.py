"""The project's own model file, `.tml`: a Graph that no .tflite can hold, such as activations of 4 bits. Written by `write`.

Layout, all numbers little endian (docs/container.md):

    8 bytes   magic 89 54 4d 4c 0d 0a 1a 0a
    uint32    version, 1
    uint32    length of the header in bytes
    uint32    CRC-32 of everything from byte 24 to the end
    uint32    0
    header    JSON, UTF-8, padded with spaces so that the constants begin at a multiple of 16
    constants one after another, each from a multiple of 16 on

The file is untrusted, as every model file is: the header is read by the dataclasses' own types, everything that
an operator's `read` ensures for a .tflite is checked by its attributes' `check`, and nothing is ever executed.
"""

from __future__ import annotations

import json
import math
import struct
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinyml.codec import from_json, to_json
from tinyml.errors import InternalError, InvalidModel, printable
from tinyml.importers import Importer
from tinyml.importers.tflite import (
    MAX_ACTIVATION_BYTES,
    MAX_CHANNELS,
    MAX_CONSTANT_BYTES,
    MAX_OPERANDS,
    MAX_OPERATORS,
    UnsupportedOperators,
)
from tinyml.importers.tflite_tensors import MAX_ELEMENTS, MAX_RANK, MAX_SCALES, Place, check_values
from tinyml.ir import DType, Graph, Node, NodeView, Quant, Tensor
from tinyml.numerics import INTEGERS, RANGE
from tinyml.opspec import Reject, load_ops, model_ops, require, supported
from tinyml.packing import pack, unpack
from tinyml.passes.verify import verify

MAGIC = b"\x89TML\r\n\x1a\n"
VERSION = 1
FIXED = struct.Struct("<8sIIII")
ALIGN = 16
MAX_HEADER = 1 << 26
FIX = "the file is damaged, or was not written by tinyml: make it again"


@dataclass(frozen=True)
class _Entry:
    """A tensor of the header. data: position and length of a constant, in bytes from the first constant's."""

    id: int
    name: str
    shape: tuple[int, ...]
    dtype: DType
    quant: Quant | None = None
    data: tuple[int, int] | None = None


@dataclass(frozen=True)
class _Header:
    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    tensors: tuple[_Entry, ...]
    nodes: tuple[Node, ...]


# ---------------------------------------------------------------- write


def write(graph: Graph) -> bytes:
    """The file of a graph as an importer gives it. The same bytes for the same graph. ValueError for one that a pass changed so
    that its inputs or outputs are no longer the model's."""
    if graph.model_inputs or graph.model_outputs:
        raise ValueError("the graph's edges were moved by a pass: write it before")
    entries, tables, at = [], [], 0
    for t in sorted(graph.tensors.values(), key=lambda t: t.id):
        place = None
        if t.data is not None:
            raw = _bytes(t)
            place = (at, len(raw))
            tables.append(raw + bytes(-len(raw) % ALIGN))
            at += len(tables[-1])
        entries.append(_Entry(t.id, t.name, t.shape, t.dtype, t.quant, place))
    header = _Header(graph.name, graph.inputs, graph.outputs, tuple(entries), graph.nodes)
    text = json.dumps(to_json(header), separators=(",", ":"), allow_nan=False).encode()
    text += b" " * (-(FIXED.size + len(text)) % ALIGN)
    body = text + b"".join(tables)
    return FIXED.pack(MAGIC, VERSION, len(text), zlib.crc32(body), 0) + body


def _bytes(t: Tensor) -> bytes:
    assert t.data is not None
    if t.dtype.packed:
        return pack(t.data.reshape(1, -1), t.dtype).tobytes()
    return np.ascontiguousarray(t.data, t.data.dtype.newbyteorder("<")).tobytes()


# ---------------------------------------------------------------- read


def load(data: bytes, name: str) -> Graph:
    """See :func:`tinyml.importers.import_model`."""
    file = printable(name)
    with Place(file):
        header_json, constants = _split(bytes(data))
        require(isinstance(header_json, dict), "the header is no JSON object")
        _known_operators(header_json, file)
        try:
            header = from_json(_Header, header_json)
        except ValueError as error:
            raise InvalidModel(file, f"header: {printable(error, 200)}", FIX) from error
        _check_counts(header)
    tensors = _tensors(header, constants, file)
    graph = Graph(file, tensors, header.nodes, header.inputs, header.outputs)
    _check_nodes(graph, file)
    total = sum(t.bytes for t in tensors.values() if not t.is_const)
    if total > MAX_ACTIVATION_BYTES:
        raise InvalidModel(file, f"tensors between operators take {total} bytes, more than {MAX_ACTIVATION_BYTES}", "use a smaller network")
    try:
        verify(graph)
    except InternalError as error:
        raise InvalidModel(f"{file}: {printable(error.place)}", printable(error.what, 200), FIX) from error
    return graph


def _split(data: bytes) -> tuple[Any, bytes]:
    """The header as JSON, and the constants."""
    require(len(data) >= FIXED.size, f"{len(data)} bytes, less than the fixed part of the header")
    magic, version, length, crc, zero = FIXED.unpack_from(data)
    require(magic == MAGIC, "is no model file of tinyml")
    require(version == VERSION, f"version {version} of the format; this tinyml reads version {VERSION}")
    end = FIXED.size + length
    require(zero == 0 and length <= MAX_HEADER and end <= len(data), f"a header of {length} bytes in a file of {len(data)}")
    require(end % ALIGN == 0, "the constants are misaligned")
    require(zlib.crc32(memoryview(data)[FIXED.size :]) == crc, "the checksum does not fit the contents")
    try:
        return json.loads(data[FIXED.size : end], parse_constant=_refuse), data[end:]
    except (ValueError, RecursionError) as error:
        raise InvalidModel("header", f"is no JSON ({printable(error)})", FIX) from error


def _refuse(text: str) -> None:
    raise ValueError(f"{text} is no JSON number")


def _known_operators(header: dict[str, Any], file: str) -> None:
    """All operators that do not exist here, at once."""
    nodes, items = header.get("nodes"), []
    for k, node in enumerate(nodes if isinstance(nodes, list) else ()):
        op = node.get("op") if isinstance(node, dict) else None
        if isinstance(op, str) and op not in model_ops():
            items.append({"index": k, "operator": printable(op), "shape": [], "reason": "this operator is not supported"})
        require(len(items) <= MAX_OPERATORS, "too many operators")
    if items:
        raise UnsupportedOperators(file, items)


def _check_counts(h: _Header) -> None:
    require(0 < len(h.nodes) <= MAX_OPERATORS, f"{len(h.nodes)} operators, must be 1..{MAX_OPERATORS}")
    operands = sum(len(n.inputs) + len(n.outputs) for n in h.nodes)
    require(max(operands, len(h.tensors)) <= MAX_OPERANDS, f"more than {MAX_OPERANDS} tensors or operands")
    for ids, what in ((h.inputs, "inputs"), (h.outputs, "outputs")):
        require(0 < len(ids) <= MAX_OPERANDS, f"{len(ids)} graph {what}")
    require(len({t.id for t in h.tensors}) == len(h.tensors), "two tensors with the same id")
    require(all(0 <= t.id < 1 << 24 for t in h.tensors), "a tensor's id is not in 0..2^24")
    require(all(0 <= n.index < 1 << 24 for n in h.nodes), "an operator's index is not in 0..2^24")
    require(sum(len(t.quant.scale) for t in h.tensors if t.quant) <= MAX_SCALES, f"more than {MAX_SCALES} scales")


def _tensors(h: _Header, constants: bytes, file: str) -> dict[int, Tensor]:
    out = {}
    for t in h.tensors:
        with Place(file, f"tensor {t.id} '{printable(t.name)}'"):
            require(len(t.shape) <= MAX_RANK, f"rank {len(t.shape)} is above {MAX_RANK}")
            require(all(0 < d <= MAX_ELEMENTS for d in t.shape), f"shape {list(t.shape)[:8]} has a dimension that is not positive")
            require(math.prod(t.shape) <= MAX_ELEMENTS, f"shape {list(t.shape)} has more than {MAX_ELEMENTS} elements")
            if t.quant is not None:
                _check_quant(t, t.quant)
            data = None if t.data is None else _constant(t, constants)
            out[t.id] = Tensor(t.id, printable(t.name), t.shape, t.dtype, t.quant, data)
    return out


def _check_quant(t: _Entry, q: Quant) -> None:
    require(t.dtype in RANGE, f"a scale of {t.dtype.value} values")
    require(len(q.scale) == len(q.zero_point) > 0, f"{len(q.scale)} scales with {len(q.zero_point)} zero points")
    require(all(abs(z) < 1 << 31 for z in q.zero_point), "a zero point outside 32 bits")
    require(all(isinstance(s, float) or abs(s) < 1 << 31 for s in q.scale), "a scale outside float32")
    check_values(np.array(q.scale, np.float64), np.array(q.zero_point, np.int64), t.dtype)
    if q.per_channel:
        require(t.data is not None, "an activation with several scales")
        ok = 0 <= q.axis < len(t.shape) and t.shape[q.axis] == len(q.scale)
        require(ok, f"{len(q.scale)} scales along dimension {q.axis} of {list(t.shape)}")
    else:
        require(q.axis == 0, f"one scale along dimension {q.axis}")


def _constant(t: _Entry, constants: bytes) -> np.ndarray:
    """A read-only view of the file, or of what was unpacked from it."""
    assert t.data is not None
    (start, length), count = t.data, math.prod(t.shape)
    size = -(-count * t.dtype.bits // 8)
    require(length == size, f"{length} bytes of data, but shape {list(t.shape)} of {t.dtype.value} takes {size}")
    require(start >= 0 and start % ALIGN == 0 and start + length <= len(constants), f"its data at {start} lies outside the file")
    raw = np.frombuffer(constants, np.uint8, length, start)
    if t.dtype.packed:
        values = unpack(raw, t.dtype, count).reshape(t.shape)
    else:
        values = raw.view(t.dtype.numpy.newbyteorder("<")).astype(t.dtype.numpy, copy=False).reshape(t.shape)
        require(t.dtype is not DType.FLOAT32 or bool(np.isfinite(values).all()), "constant data holds NaN or infinite values")
        require(t.dtype is not DType.BOOL or bool((raw <= 1).all()), "a truth value that is neither 0 nor 1")
    values.setflags(write=False)
    return values


def _check_nodes(graph: Graph, file: str) -> None:
    specs, items, constants, channels = model_ops(), [], 0, 0
    for t in (*graph.inputs, *graph.outputs):
        with Place(file):
            require(t in graph.tensors, f"graph input or output {t} is no tensor of the file")
        if graph.tensors[t].dtype.packed:
            reason = f"{graph.tensors[t].dtype.value}: networks take and give at least 8 bits"
            items.append({"index": -1, "operator": "graph input or output", "shape": list(graph.tensors[t].shape), "reason": reason})
    for node in graph.nodes:
        spec, place = specs[node.op], f"operator {node.index} {node.op}"
        with Place(file, place):
            least, most = spec.arity
            require(least <= len(node.inputs) <= most, f"{len(node.inputs)} inputs, must be {least}..{most}")
            require(len(node.outputs) > 0, "no output")
            for k, t in enumerate(node.inputs):
                require(t is not None or k in spec.optional_inputs, f"input {k} is absent, but is not optional")
                require(t is None or t in graph.tensors, f"input {k} is tensor {t}, which does not exist")
            for t in node.outputs:
                require(t in graph.tensors, f"its output is tensor {t}, which does not exist")
            view = graph.view(node)
            fixed = [t for t in view.inputs if t is not None and t.is_const]
            constants += sum(t.bytes for t in fixed)
            require(constants <= MAX_CONSTANT_BYTES, f"more than {MAX_CONSTANT_BYTES} bytes of constants up to here")
            channels += (view.y.shape or (1,))[-1] if any(t.dtype in INTEGERS for t in fixed) else 0
            require(channels <= MAX_CHANNELS, f"more than {MAX_CHANNELS} channels of layers with weights up to here")
            try:
                _check_node(view, len(node.outputs))
            except Reject as why:
                items.append({"index": node.index, "operator": node.op, "shape": list(view.y.shape), "reason": str(why)})
    if items:
        raise UnsupportedOperators(file, items)


def _check_node(view: NodeView, outputs: int) -> None:
    for t in (*view.inputs, *view.outputs):
        quantised = t is None or t.dtype not in INTEGERS or t.quant is not None
        require(quantised, f"{t.dtype.value} tensor {t.id} has no scale" if t else "")
    check = getattr(view.attrs, "check", None)
    supported(check is not None, "not offered in a .tml file")
    assert check is not None
    check(view)
    shapes = load_ops()[view.node.op].infer(view)
    require(len(shapes) == outputs, f"{outputs} outputs, must be {len(shapes)}")
    for t, shape in zip(view.outputs, shapes, strict=True):
        require(t.shape == tuple(shape), f"output {t.id} has shape {list(t.shape)}, its operands give {list(shape)}")


IMPORTER = Importer("tinyml container", ".tml", lambda data, name: data[:8] == MAGIC or name.lower().endswith(".tml"), load)
