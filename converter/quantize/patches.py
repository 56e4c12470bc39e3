"""The front part of a network, patch by patch: the same operators once for each part of a grid, so that each can have types of
its own.

What a patch needs of each tensor is the planner's arithmetic of tiles (plan/tiles.py; Lin et al., MCUNetV2, NeurIPS 2021): every
operator gets the part of its input that its part of the output reads, halo included, cut out by SLICE; padding is a PAD of its
own, only where a patch lies at the border; CONCATENATION puts the patches together. These are ordinary operators of the .tflite
schema, planned as views and windows, so that the network stays one that LiteRT computes, bit for bit the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from tinyml.errors import UsageError
from tinyml.importers.tflite_options import Fields
from tinyml.ir import DType, Graph, Node, Tensor, hwc
from tinyml.opspec import Window
from tinyml.plan.tiles import PATCHES, SAME_PLACE, TileNode, TileRead, Tiling, make_tiles, reads, tile_node
from tinyml.quantize.network import Network, remade

VALID, ROWS, COLUMNS = 1, 1, 2  # a padding of the schema; axes of [N,H,W,C]
Rect = tuple[tuple[int, int], tuple[int, int]]  # rows and columns, lo..hi-1 each
NOTHING: Rect = ((0, 0), (0, 0))


@dataclass(frozen=True, eq=False)
class Patched:
    """origin: tensor of a patch -> (tensor of the network it is a part of, patch); made_of: `Node.index` of an operator of a patch ->
    that of the network's. inner: tensors of the network that only exist in patches, in the order in which they are computed;
    output: the tensor that the patches make together. read: by patch, the part of the network's first input that it reads."""

    network: Network
    origin: Mapping[int, tuple[int, int]]
    made_of: Mapping[int, int]
    inner: tuple[int, ...]
    output: int
    read: tuple[Rect, ...]

    @property
    def patches(self) -> int:
        return len(self.read)


@dataclass
class _Making:
    network: Network
    tensors: dict[int, Tensor]
    options: dict[int, Fields]
    next_index: int
    nodes: list[Node] = field(default_factory=list)
    origin: dict[int, tuple[int, int]] = field(default_factory=dict)
    made_of: dict[int, int] = field(default_factory=dict)
    read: dict[int, Rect] = field(default_factory=dict)

    def tensor(self, like: Tensor, shape: tuple[int, ...], suffix: str) -> Tensor:
        made = Tensor(max(self.tensors) + 1, f"{like.name}_{suffix}", shape, like.dtype)
        self.tensors[made.id] = made
        return made

    def constant(self, name: str, value: object) -> int:
        data = np.array(value, np.int32)
        data.setflags(write=False)
        made = Tensor(max(self.tensors) + 1, name, data.shape, DType.INT32, data=data)
        self.tensors[made.id] = made
        return made.id

    def node(self, op: str, inputs: tuple[int | None, ...], out: int, options: Fields, like: Node | None = None) -> None:
        index, self.next_index = self.next_index, self.next_index + 1
        made = replace(like, inputs=inputs, outputs=(out,), index=index) if like else Node(op, inputs, (out,), None, index)
        self.options[index] = options
        self.nodes.append(remade(made, self.tensors, options))
        if like is not None:
            self.made_of[index] = like.index


def unroll(network: Network, end: int, rows: int, columns: int) -> Patched:
    """The network with its first `end` operators computed in rows x columns patches. Raises UsageError where that is not possible:
    they must be convolutions and element-wise operators that make one tensor for the rest."""
    graph = network.graph
    nodes = [n for k in range(end) if (n := tile_node(graph, k))]
    made = [n.out for n in nodes]
    outputs = [t for t in made if t in graph.outputs or any(k >= end for k in graph.consumers.get(t, ()))]
    if len(nodes) != end or len(outputs) != 1 or not all(_exact(network, n) for n in nodes):
        bad = next((graph.nodes[k].op for k in range(end) if tile_node(graph, k) is None or not _exact(network, nodes[k])), "")
        why = (
            f"operator {bad} can not be computed in patches"
            if bad
            else f"the first {end} operators make {len(outputs)} tensors for the rest"
        )
        raise UsageError("--patches", why, "choose another --patch-end")
    tiles = make_tiles(graph, nodes, Tiling(PATCHES, rows, columns), outputs, ())
    if tiles is None:
        raise UsageError("--patches", f"{rows}x{columns} patches are more than there are pixels", "choose fewer")
    m = _Making(network, dict(graph.tensors), dict(network.options), max(n.index for n in graph.nodes) + 1)
    parts: list[list[int]] = []
    for i in range(rows):
        parts.append([])
        for j in range(columns):
            rects = {n.out: (tiles.rows[i][p], tiles.columns[j][p]) for p, n in enumerate(nodes)}
            parts[i].append(_patch(m, nodes, rects, i * columns + j))
    _join(m, graph.tensors[outputs[0]], parts)
    kept = {t for n in graph.nodes[end:] for t in (*n.inputs, *n.outputs)} | {*graph.inputs, *graph.outputs}
    used = kept | {t for n in m.nodes for t in (*n.inputs, *n.outputs)}
    tensors = {t: x for t, x in m.tensors.items() if t in used}
    new = Graph(graph.name, tensors, (*m.nodes, *graph.nodes[end:]), graph.inputs, graph.outputs)
    inner = tuple(t for t in made if t != outputs[0])
    read = tuple(m.read.get(k, NOTHING) for k in range(rows * columns))
    return Patched(Network(new, m.options), m.origin, m.made_of, inner, outputs[0], read)


def _exact(network: Network, n: TileNode) -> bool:
    """A border of zeros in front of the operator is the same as its own padding."""
    node = network.graph.nodes[n.node]
    padded = any(r.window is not None and any(r.window.pad) for r in n.reads)
    return "Padding" not in network.options.get(node.index, {}) or len(node.inputs) > 1 or not padded


def _patch(m: _Making, nodes: list[TileNode], rects: Mapping[int, Rect], number: int) -> int:
    """Adds the operators of one patch; the tensor it makes."""
    graph, here = m.network.graph, dict[int, int]()
    for n in nodes:
        node, mine = graph.nodes[n.node], rects[n.out]
        inputs = list(node.inputs)
        for r in n.reads:
            if r.window is not None:
                inputs[inputs.index(r.tensor)] = _operand(m, r, mine, rects, here, number)
        whole = graph.tensors[n.out]
        out = m.tensor(whole, (1, mine[0][1] - mine[0][0], mine[1][1] - mine[1][0], whole.shape[3]), f"patch{number}")
        options = dict(m.network.options.get(node.index, {}))
        if "Padding" in options:
            options["Padding"] = VALID
        m.node(node.op, tuple(inputs), out.id, options, node)
        m.origin[out.id] = n.out, number
        here[n.out] = out.id
    return here[nodes[-1].out]


def _operand(m: _Making, r: TileRead, mine: Rect, rects: Mapping[int, Rect], here: Mapping[int, int], number: int) -> int:
    """The part of an operand that the rectangle `mine` of the output reads, with a border where it reads one."""
    t, w = m.network.graph.tensors[r.tensor], r.window or SAME_PLACE
    h, width, c = hwc(t.shape)
    need = reads(w, 0, mine[0], h), reads(w, 1, mine[1], width)
    if r.tensor == m.network.graph.inputs[0]:
        m.read[number] = _around(m.read.get(number, need), need)
    source, (top, left) = r.tensor, (0, 0)
    shape = (h, width)
    if r.tensor in here:
        source = here[r.tensor]
        (top, bottom), (left, right) = rects[r.tensor]
        shape = bottom - top, right - left
    size = tuple(b - a for a, b in need)
    if size != shape:
        cut = m.tensor(t, (1, *size, c), f"cut{number}")
        begin = m.constant(f"{cut.name}_begin", (0, need[0][0] - top, need[1][0] - left, 0))
        m.node("SLICE", (source, begin, m.constant(f"{cut.name}_size", (1, *size, c))), cut.id, {})
        if r.tensor in here:
            m.origin[cut.id] = r.tensor, number
        source = cut.id
    pads = [_border(w, axis, mine[axis], (h, width)[axis]) for axis in (0, 1)]
    if any(any(p) for p in pads):
        grown = m.tensor(t, (1, size[0] + sum(pads[0]), size[1] + sum(pads[1]), c), f"padded{number}")
        m.node("PAD", (source, m.constant(f"{grown.name}_pads", [(0, 0), *pads, (0, 0)])), grown.id, {})
        if r.tensor in here:
            m.origin[grown.id] = r.tensor, number
        source = grown.id
    return source


def _around(a: Rect, b: Rect) -> Rect:
    """The least rectangle that holds both."""
    (top, bottom), (left, right) = ((min(x[0], y[0]), max(x[1], y[1])) for x, y in zip(a, b, strict=True))
    return (top, bottom), (left, right)


def _border(w: Window, axis: int, span: tuple[int, int], extent: int) -> tuple[int, int]:
    """Rows or columns of padding that `span` of the output reads before and behind the input."""
    first = span[0] * w.stride[axis] - w.pad[axis]
    end = (span[1] - 1) * w.stride[axis] - w.pad[axis] + w.size[axis]
    return max(0, -first), max(0, end - extent)


def _join(m: _Making, whole: Tensor, parts: list[list[int]]) -> None:
    """Columns side by side, then rows under each other, into `whole`."""
    bands = []
    for i, row in enumerate(parts):
        shapes = [m.tensors[t].shape for t in row]
        if len(row) == 1:
            bands.append(row[0])
            continue
        last = len(parts) == 1
        band = whole if last else m.tensor(whole, (1, shapes[0][1], sum(s[2] for s in shapes), whole.shape[3]), f"band{i}")
        m.node("CONCATENATION", tuple(row), band.id, {"Axis": COLUMNS})
        bands.append(band.id)
    if len(bands) > 1:
        m.node("CONCATENATION", tuple(bands), whole.id, {"Axis": ROWS})
