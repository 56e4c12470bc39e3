"""Checks of one kernel variant as C blocks for a core that has its instruction set: see test_isa_variants.py.

Every case that the variant applies to, the operator's own and random ones, becomes three kinds of check, each comparing all
of the memory around the output: the whole layer on tensors with gaps, random rectangles between rings, and the output trailing
its input as closely as the access pattern allows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from kernel_checks import _data, _lag, _range, _spans, _windowed
from kernel_lib import Placed, Ring, place, random_layout
from random_layers import pointwise, random_layers
from tflite_writer import random_inputs, write_case
from tinyml.importers import import_model
from tinyml.ir import DType, NodeView, hwc
from tinyml.opspec import Elementwise, Geom, KernelCall, Lowering, OpSpec, Ref, RowMap, Scratch, Table, Window, load_ops
from tinyml.variants import Variant

CTYPE = {
    "int8": "int8_t", "uint8": "uint8_t", "int16": "int16_t", "uint16": "uint16_t", "int32": "int32_t", "uint32": "uint32_t", "int64": "int64_t",
    "float32": "float", "float64": "double",
}  # fmt: skip
RANDOM_LAYERS, RECTANGLES = 240, 2
CANARY = 16  # bytes behind the scratch that must stay as they are


@dataclass(frozen=True)
class Check:
    what: str
    call: KernelCall
    body: str  # C statements; calls fail(number) where something differs


def array(name: str, data: np.ndarray) -> str:
    return f"static const {CTYPE[data.dtype.name]} {name}[] TM_ALIGNED(8) = {{{', '.join(map(str, data.reshape(-1).tolist()))}}};"


def value(v: object, tables: list[str]) -> str:
    """`v` as C; adds the definitions of the tables it refers to."""
    if isinstance(v, Ring):
        return f"{{{v.h}, {v.w}, {v.c}, {v.row_stride}, {v.px_stride}, {v.ring}, {v.first}}}"
    if isinstance(v, Geom):
        return f"{{{v.h}, {v.w}, {v.c}, {v.row_stride}, {v.px_stride}, 0, 0}}"
    if isinstance(v, tuple):
        return "{" + ", ".join(value(e, tables) for e in v) + "}"
    if isinstance(v, Table):
        tables.append(array(f"t{len(tables)}", v.data))
        return f"t{len(tables) - 1}"
    return "NULL" if v is None else repr(v)


def block(
    number: int, what: str, call: KernelCall, memory: dict[int, tuple[str, int]], arrays: dict[str, tuple[np.ndarray, np.ndarray]]
) -> Check:
    """`arrays`: C name -> contents before and after the call; `memory`: tensor -> array and first element in it."""
    lines = []
    for name, (before, after) in arrays.items():
        ctype = CTYPE[before.dtype.name]
        lines.append(f"static {ctype} {name}[] = {{{', '.join(map(str, before.tolist()))}}};")
        lines.append(array(f"{name}_after", after))
    args: list[str] = []
    tables: list[str] = []
    for a in call.args:
        if isinstance(a, Ref):
            name, first = memory[a.tensor]
            args.append(f"{name} + {first + a.offset}")
        else:
            args.append("scratch" if isinstance(a, Scratch) else value(a, tables))
    fields = ", ".join(value(v, tables) for _, v in call.params)
    lines += [*tables, f"static const {call.struct} p = {{{fields}}};"]
    lines.append(f"static uint64_t scratch[{(call.scratch_bytes + CANARY + 7) // 8}];")
    lines.append(f"for (uint32_t k = 0; k < sizeof scratch; ++k) {{ ((uint8_t *)scratch)[k] = (uint8_t)(k * 7 + {number}); }}")
    lines.append(f"if ({call.func}(&p, {', '.join(args)}) != TM_OK) {{ fail({number}); }}")
    lines.append(
        f"for (uint32_t k = {call.scratch_bytes}; k < sizeof scratch; ++k) {{ if (((uint8_t *)scratch)[k] != (uint8_t)(k * 7 + {number})) {{ fail({number}); }} }}"
    )
    for name in arrays:
        lines.append(
            f"for (uint32_t k = 0; k < sizeof {name} / sizeof *{name}; ++k) {{ if ({name}[k] != {name}_after[k]) {{ fail({number}); }} }}"
        )
    return Check(what, call, "{\n" + "\n".join(lines) + "\n}")


def _same(p: Placed) -> tuple[np.ndarray, np.ndarray]:
    return p.heap.array.copy(), p.heap.array.copy()


def _written(p: Placed, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    before = p.heap.array.copy()
    p.write(values)
    return before, p.heap.array.copy()


def applicable(variant: Variant) -> Iterator[tuple[str, NodeView, tuple[np.ndarray | None, ...], OpSpec]]:
    spec = load_ops()[variant.op]
    if spec.join is not None:
        yield from joined_layers(variant, spec)
        return
    cases = [*spec.cases(), *random_layers(variant.op, RANDOM_LAYERS, 5)]
    for k, case in enumerate(cases):
        graph = import_model(write_case(spec, case), case.name)
        n = graph.view(graph.nodes[0])
        geoms = {t.id: Geom.dense(*hwc(t.shape)) for t in (*n.inputs, *n.outputs) if t is not None}
        if not n.is_float and (n.y.dtype is DType.INT16) is variant.wide and variant.applies(n, Lowering(geoms, variant.isa)):
            fed = dict(zip(graph.inputs, random_inputs(case, k), strict=True))
            yield case.name, n, tuple(None if t is None else fed.get(t.id, t.data) for t in n.inputs), spec


def joined_layers(variant: Variant, spec: OpSpec) -> Iterator[tuple[str, NodeView, tuple[np.ndarray | None, ...], OpSpec]]:
    """Depthwise layers of random shapes, each with a random pointwise layer behind it."""
    assert spec.join is not None
    first, second = load_ops()["DEPTHWISE_CONV_2D"], load_ops()["CONV_2D"]
    rng = np.random.default_rng(7)
    for k, case in enumerate(random_layers("DEPTHWISE_CONV_2D", 12 * RANDOM_LAYERS, 5)):
        c = case.outputs[0].shape[3]
        if c % 4 or c < 8 or case.options["DepthMultiplier"] != 1:
            continue
        after = pointwise(rng, f"{case.name}_{k}", case.outputs[0], int(rng.choice([2, 3, 5, 8])))
        graphs = [import_model(write_case(s, each), each.name) for s, each in ((first, case), (second, after))]
        a, b = (g.view(g.nodes[0]) for g in graphs)
        rename = {t.id: replace(t, id=t.id + 10) for t in (*b.inputs[1:], b.y) if t is not None} | {b.x.id: a.y}
        inputs = tuple(None if t is None else rename[t.id] for t in b.inputs)
        b = NodeView(replace(b.node, inputs=tuple(t and t.id for t in inputs), outputs=(rename[b.y.id].id,)), inputs, (rename[b.y.id],))
        node = spec.join(a, b)
        assert node is not None
        tensors = {t.id: t for t in (*a.inputs, *b.inputs, b.y) if t is not None}
        n = NodeView(node, tuple(None if t is None else tensors[t] for t in node.inputs), (b.y,))
        if variant.applies(n, Lowering({}, variant.isa)):
            (fed,) = random_inputs(case, k)
            yield case.name, n, tuple(fed if t is n.x else None if t is None else t.data for t in n.inputs), spec


def checks(variant: Variant) -> list[Check]:
    out: list[Check] = []
    for name, n, arrays, spec in applicable(variant):
        rng = np.random.default_rng(len(out))
        second = sum(map(ord, name)) % 2 == 1  # of the two forms that a variant's tables may have
        without = frozenset(part for part, _ in variant.parts if rng.integers(3) == 0)  # another form or number of pixels serves
        (y,) = spec.reference(n, arrays)
        live = list({t.id: t for t in n.inputs if t is not None and not t.is_const}.values())
        found = {t.id: a for t, a in zip(n.inputs, arrays, strict=True) if t is not None and a is not None}

        def lowered(
            geoms: dict[int, Geom], n: NodeView = n, spec: OpSpec = spec, second: bool = second, without: frozenset[str] = without
        ) -> KernelCall:
            low = Lowering(geoms, variant.isa, without=without)
            forms = [calls for calls, _ in variant.forms(n, low, () if spec.join else spec.lower(n, replace(low, isa=frozenset())))]
            (call,) = forms[-1] if second else forms[0]
            return call

        # whole layer, with gaps
        shapes = {t.id: hwc(t.shape) for t in (*live, n.y)}
        geoms = {t: random_layout(*s, rng) if spec.strided else Geom.dense(*s) for t, s in shapes.items()}
        placed = {f"x{t.id}": place(geoms[t.id], t.dtype.numpy, rng, found[t.id].reshape(hwc(t.shape))) for t in live}
        target = place(geoms[n.y.id], n.y.dtype.numpy, rng)
        memory = {**{t.id: (f"x{t.id}", 0) for t in live}, n.y.id: ("y", 0)}
        whole = y.reshape(hwc(n.y.shape))
        out.append(
            block(
                len(out) + 1,
                f"{name}: {geoms}",
                lowered(geoms),
                memory,
                {**{k: _same(p) for k, p in placed.items()}, "y": _written(target, whole)},
            )
        )
        dense = {t: Geom.dense(*s) for t, s in shapes.items()}
        k = _data(n)
        access = None if k is None else spec.access(n)[k]
        call = lowered(dense)
        if k is not None and isinstance(access, Window) and "pad_top" in dict(call.params):
            out += _rectangles(len(out), name, n, spec, call, whole, k, found, rng)
        if k is not None and isinstance(access, (Window, RowMap, Elementwise)):
            out.append(_trailing(len(out) + 1, name, n, call, access, whole, k, found, rng))
    return out


def _rectangles(number, name, n, spec, call, whole, k, found, rng) -> Iterator[Check]:
    src = n.inputs[k]
    values, (h, w, c), (hi, wi, ci) = found[src.id].reshape(hwc(src.shape)), whole.shape, hwc(src.shape)
    rows, cols = _spans(n, spec, call, 0), _spans(n, spec, call, 1)
    for extra in range(RECTANGLES):
        y0, x0 = int(rng.integers(0, h)), int(rng.integers(0, w))
        oh, ow = int(rng.integers(1, h - y0 + 1)), int(rng.integers(1, w - x0 + 1))
        iy, ih = _range(rows, y0, oh, hi, rng)
        ix, iw = _range(cols, x0, ow, wi, rng)
        x = place(random_layout(ih, iw, ci, rng, ring=True), src.dtype.numpy, rng, values[iy : iy + ih, ix : ix + iw])
        y = place(random_layout(oh, ow, c, rng, ring=True), n.y.dtype.numpy, rng)
        part = _windowed(call, spec.access(n)[k], (y0, x0), (iy, ix), {"in": x.geom, "out": y.geom})
        what = f"{name}: rows {y0}+{oh}, columns {x0}+{ow} from {x.geom} to {y.geom}"
        after = _written(y, whole[y0 : y0 + oh, x0 : x0 + ow])
        yield block(number + 1 + extra, what, part, {src.id: ("x", 0), n.y.id: ("y", 0)}, {"x": _same(x), "y": after})


def _trailing(number, name, n, call, access, whole, k, found, rng) -> Check:
    src = n.inputs[k]
    lag = _lag(access, whole.shape, hwc(src.shape))
    x_at, y_at = max(-lag, 0), max(lag, 0)
    size = max(x_at + src.elements, y_at + n.y.elements)
    before = rng.integers(-128, 128, size).astype(np.int8)
    before[x_at : x_at + src.elements] = found[src.id].reshape(-1)
    # what is left of the input behind the output is not compared: only rows that are no longer needed are overwritten
    after = before.copy()
    after[y_at : y_at + n.y.elements] = whole.reshape(-1)
    return block(
        number, f"{name}: output {lag} elements behind its input", call, {src.id: ("m", x_at), n.y.id: ("m", y_at)}, {"m": (before, after)}
    )
