"""Decides which tensors share storage: views instead of copies, element-wise results in place of their operand.

Every tensor is a *root* with a buffer of its own, or hangs below a parent: the same bytes (reshape, in place) or a
rectangle of the parent's (split, slice; or concat and pad, where the producers write into the result directly).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from tinyml.ir import Graph, Tensor, hwc
from tinyml.opspec import Elementwise, Geom, OpSpec, PartsOfInput, PartsOfOutput, Reshaped, load_ops
from tinyml.plan.model import Layout


@dataclass(frozen=True, eq=False)
class Storage:
    layouts: dict[int, Layout]  # tensor id -> place; the buffer id is the root tensor's id
    roots: dict[int, int]  # tensor id -> root tensor id
    in_place_views: frozenset[int]  # positions of nodes that need no copy (PartsOfOutput nodes may still fill the rest)
    overlaid: dict[int, int]  # tensor id -> operand whose bytes it takes over


class _Builder:
    def __init__(self, graph: Graph, specs: dict[str, OpSpec]):
        self.g, self.specs = graph, specs
        self.parent: dict[int, tuple[int, tuple[int, ...] | None]] = {}  # id -> (parent, begin or None for same bytes)
        self.children: dict[int, list[int]] = {}
        self.overlaid: dict[int, int] = {}
        self.views: set[int] = set()
        last = len(graph.nodes)
        self.last_read = {t: graph.consumers.get(t, (-1,))[-1] for t in graph.tensors}
        self.last_read.update((t, last) for t in graph.outputs)

    def root(self, t: int) -> int:
        while t in self.parent:
            t = self.parent[t][0]
        return t

    def link(self, child: int, parent: int, begin: tuple[int, ...] | None) -> None:
        self.parent[child] = (parent, begin)
        self.children.setdefault(parent, []).append(child)

    def family(self, t: int) -> list[int]:
        """t and everything that lies in its bytes."""
        out = [t]
        for c in self.children.get(t, ()):
            out += self.family(c)
        return out

    def geom(self, t: int) -> tuple[int, Geom] | None:
        """(element offset in the root, geometry), or None where strides do not fold to rows and pixels."""
        tensor = self.g.tensors[t]
        if t not in self.parent:
            return 0, Geom.dense(*tensor.stored)
        parent, begin = self.parent[t]
        above = self.geom(parent)
        if above is None:
            return None
        offset, pg = above
        if begin is None:
            return (offset, Geom.dense(*tensor.stored)) if pg.is_dense else None
        if tensor.dtype.packed and (begin[-1] or tensor.shape[-1] != self.g.tensors[parent].shape[-1]):
            return None  # channels that share bytes stay together
        return _part(offset, pg, self.g.tensors[parent].units, tensor.units, begin)

    # -- eligibility

    def strided_ok(self, t: int) -> bool:
        """Every operator that touches any tensor in t's bytes takes strides."""
        for m in self.family(t):
            readers = [self.g.nodes[k] for k in self.g.consumers.get(m, ())]
            writer = [self.g.nodes[self.g.producer[m]]] if m in self.g.producer else []
            if m in self.g.outputs or m in self.g.inputs or not all(self.specs[n.op].strided for n in readers + writer):
                return False
        return True

    def try_link(self, child: int, parent: int, begin: tuple[int, ...] | None) -> bool:
        self.link(child, parent, begin)
        geoms = [self.geom(m) for m in self.family(child)]
        if all(geoms) and (all(g[1].is_dense for g in geoms if g) or self.strided_ok(child)):
            return True
        self.unlink(child)
        return False

    def unlink(self, child: int) -> None:
        parent, _ = self.parent.pop(child)
        self.children[parent].remove(child)

    # -- the three kinds of sharing

    def reshape(self, k: int) -> None:
        src, dst = self.g.nodes[k].inputs[0], self.g.nodes[k].outputs[0]
        if src is None or self.g.tensors[src].is_const or dst in self.parent:
            return
        if dst in self.g.outputs and (src in self.g.inputs or src in self.g.outputs):
            return  # an output must not share bytes with what the caller may refill or read under another name
        if self.try_link(dst, src, None):
            self.views.add(k)

    def parts_of_input(self, k: int, rule: PartsOfInput) -> None:
        node = self.g.nodes[k]
        # the data is not always operand 0 (SPLIT: the axis comes first)
        src = next((t for t in node.inputs if t is not None and not self.g.tensors[t].is_const), None)
        if src is None or any(t in self.g.outputs for t in node.outputs):
            return
        done: list[int] = []
        for t, begin in zip(node.outputs, rule.begins, strict=True):
            if t in self.parent or not self.try_link(t, src, begin):
                for d in done:
                    self.unlink(d)
                return
            done.append(t)
        self.views.add(k)

    def parts_of_output(self, k: int, rule: PartsOfOutput) -> None:
        node = self.g.nodes[k]
        parts = [t for t in node.inputs if t is not None and not self.g.tensors[t].is_const]
        parts = parts[: len(rule.begins)]
        out = node.outputs[0]
        whole = len(parts) == len(rule.begins) and len(set(parts)) == len(parts)
        if not whole or any(t in self.parent or t in self.g.inputs or t in self.g.outputs for t in parts):
            return
        done: list[int] = []
        for t, begin in zip(parts, rule.begins, strict=True):
            if self.root(out) == t or not self.try_link(t, out, begin):
                for d in done:
                    self.unlink(d)
                return
            done.append(t)
        self.views.add(k)

    def overlay(self, k: int) -> None:
        """Output 0 of an element-wise node takes over the bytes of an operand that dies here."""
        node = self.g.nodes[k]
        view = self.g.view(node)
        out = node.outputs[0]
        if out in self.parent or k in self.views:
            return
        for src, pattern in zip(node.inputs, self.specs[node.op].access(view), strict=True):
            if src is None or not isinstance(pattern, Elementwise) or self.g.tensors[src].is_const:
                continue
            root = self.root(src)
            above = self.geom(src)
            family = self.family(root)
            dead = all(self.last_read[m] <= k for m in family) and node.inputs.count(src) == 1
            same = self.g.tensors[root].bytes == view.y.bytes == self.g.tensors[src].bytes
            same = same and view.y.stored == self.g.tensors[src].stored
            if dead and same and above and above[0] == 0 and above[1].is_dense and root != self.root(out):
                if all((g := self.geom(m)) and g[1].is_dense for m in self.family(out)) or self.strided_ok(out):
                    self.link(out, src, None)
                    self.overlaid[out] = src
                    return


def _part(offset: int, pg: Geom, whole: tuple[int, ...], shape: tuple[int, ...], begin: tuple[int, ...]) -> tuple[int, Geom] | None:
    """The rectangle shape at `begin` of a tensor `whole` that lies at (offset, pg). Outer dimensions fold into rows,
    so all but one of them must be taken whole, and the ones inside it too."""
    if len(whole) != len(shape):
        return None
    outer, wo = shape[:-2], whole[:-2]
    cut = [d for d in range(len(outer)) if outer[d] != wo[d]]
    if len(cut) > 1 or (cut and any(outer[d] != 1 for d in range(cut[0]))):
        return None
    row = 0
    for b, n in zip(begin[:-2], wo, strict=True):
        row = row * n + b
    h, w, c = hwc(shape)
    col = begin[-2] if len(shape) >= 2 else 0
    at = offset + row * pg.row_stride + col * pg.px_stride + (begin[-1] if shape else 0)
    return at, Geom(h, w, c, pg.row_stride, pg.px_stride)


def plan_storage(graph: Graph, views: bool = True, in_place: bool = True, fused: Collection[int] = ()) -> Storage:
    """The sharing for the graph's node order. With `views` or `in_place` off, the corresponding copies stay. `fused`:
    positions of nodes that a stage runs row by row; it decides itself what they overwrite."""
    specs = load_ops()
    b = _Builder(graph, specs)
    for k, node in enumerate(graph.nodes if views else ()):
        rule = specs[node.op].view(graph.view(node))
        if isinstance(rule, Reshaped):
            b.reshape(k)
        elif isinstance(rule, PartsOfInput):
            b.parts_of_input(k, rule)
        elif isinstance(rule, PartsOfOutput) and rule.whole:
            b.parts_of_output(k, rule)
    for k in range(len(graph.nodes) if in_place else 0):
        if k not in fused:
            b.overlay(k)
    layouts, roots = {}, {}
    for t, tensor in _live(graph).items():
        placed = b.geom(t)
        assert placed is not None
        roots[t] = b.root(t)
        layouts[t] = Layout(roots[t], placed[0] * tensor.dtype.bytes, placed[1])
    return Storage(layouts, roots, frozenset(b.views), b.overlaid)


def _live(graph: Graph) -> dict[int, Tensor]:
    """Tensors that exist in the arena: network inputs and everything an operator writes."""
    ids = {*graph.inputs, *(t for n in graph.nodes for t in n.outputs)}
    return {t: graph.tensors[t] for t in sorted(ids) if not graph.tensors[t].is_const}
