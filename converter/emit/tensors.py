"""The table of arena tensors in a generated model (tm_tensor_info): where each lies and when it may be read."""

from __future__ import annotations

from dataclasses import dataclass

from tinyml.ir import DType, Tensor
from tinyml.opspec import Geom
from tinyml.plan.model import Plan

TM_DTYPE = {
    DType.INT8: "TM_I8", DType.INT16: "TM_I16", DType.INT32: "TM_I32", DType.FLOAT32: "TM_F32",
    DType.UINT8: "TM_U8", DType.INT64: "TM_I64", DType.BOOL: "TM_U8",
    DType.INT4: "TM_U8", DType.INT2: "TM_U8",  # as the bytes that hold them
}  # fmt: skip


@dataclass(frozen=True)
class TensorInfo:
    id: int
    offset: int
    geom: Geom
    dtype: str
    io_dtype: str
    born: int  # complete after this many steps
    dead: int  # still whole after this many steps
    scale: float
    zero_point: int
    ring: int = 0
    arena: int = 0  # number of the arena that offset counts in


def _info(plan: Plan, t: Tensor, model: Tensor, born: int, dead: int) -> TensorInfo:
    per_tensor = t.quant is not None and not t.quant.per_channel
    arena, offset = plan.place(t.id)
    return TensorInfo(
        t.id, offset, plan.schedule.layouts[t.id].geom, TM_DTYPE[t.dtype], TM_DTYPE[model.dtype], born, dead,
        t.scale if per_tensor else 0.0, t.zero_point if per_tensor else 0, plan.schedule.layouts[t.id].ring, arena,
    )  # fmt: skip


def io_tensors(plan: Plan, inputs: bool) -> list[TensorInfo]:
    g, n = plan.graph, len(plan.schedule.steps)
    ids, model = (g.inputs, g.io_input) if inputs else (g.outputs, g.io_output)
    born_dead = (0, 0) if inputs else (n, n)
    return [_info(plan, g.tensors[t], model(k), *born_dead) for k, t in enumerate(ids)]


def describe_tensors(plan: Plan) -> list[TensorInfo]:
    """Every tensor an operator writes as a whole, with the steps after which a debugger may read it: from the completion of
    its producer until the step that last needs it has begun. What lies in rings inside a stage never exists as a whole."""
    g = plan.graph
    steps = plan.schedule.steps
    done: dict[int, int] = {}  # node position -> steps completed once it has run
    finished = {k: s + 1 for s, step in enumerate(steps) for k in step.nodes}
    count = 0
    for k in range(len(g.nodes)):
        count = finished.get(k, count)
        done[k] = count
    inner = _inner(plan)
    out = []
    for k, node in enumerate(g.nodes):
        for t in node.outputs:
            if t in inner:
                continue
            readers = [done[r] - 1 for r in g.consumers.get(t, ())]
            born = done[k]
            dead = len(steps) if t in g.outputs else max([born, *readers])
            out.append(_info(plan, g.tensors[t], g.tensors[t], born, dead))
    return out


def _inner(plan: Plan) -> set[int]:
    """Tensors that only one stage knows."""
    g, out = plan.graph, set()
    for _, stage in plan.schedule.stages():
        own = set(stage.nodes)
        for k in stage.nodes:
            out.update(t for t in g.nodes[k].outputs if t not in g.outputs and set(g.consumers.get(t, ())) <= own)
    return out
