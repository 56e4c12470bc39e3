"""From a graph to a checked plan: the order of operators, storage, placement. The only caller of the solvers."""

from __future__ import annotations

from collections.abc import Callable

from tinyml.ir import Graph
from tinyml.opspec import Elementwise, load_ops
from tinyml.plan.check import check
from tinyml.plan.model import Plan, Schedule
from tinyml.plan.order import OrderProblem, best_order
from tinyml.plan.place import Buffer, Placement, Problem, solve
from tinyml.plan.schedule import ALIGN, make_schedule


def order_problem(graph: Graph) -> OrderProblem:
    """The graph as the order search sees it: bytes read, written and taken over by each node."""
    specs = load_ops()
    preds, reads, writes, inplace = [], [], [], []
    for node in graph.nodes:
        live = [t for t in dict.fromkeys(node.inputs) if t is not None and not graph.tensors[t].is_const]
        preds.append(tuple(sorted({graph.producer[t] for t in live if t in graph.producer})))
        reads.append(tuple(live))
        writes.append(node.outputs)
        patterns = zip(node.inputs, specs[node.op].access(graph.view(node)), strict=True)
        same = [t for t, a in patterns if isinstance(a, Elementwise) and t in live]
        size = graph.tensors[node.outputs[0]].bytes
        inplace.append(tuple(t for t in same if graph.tensors[t].bytes == size))
    sizes = tuple(graph.tensors[t].bytes if t in graph.tensors else 0 for t in range(graph.fresh_id()))
    return OrderProblem(
        n_nodes=len(graph.nodes), preds=tuple(preds), reads=tuple(reads), writes=tuple(writes), inplace=tuple(inplace),
        scratch=(0,) * len(graph.nodes), size=sizes,
        inputs=graph.inputs, outputs=graph.outputs,
    )  # fmt: skip


def reorder(graph: Graph) -> Graph:
    """The graph with its nodes in the order of least peak memory; the given order wins ties."""
    order = best_order(order_problem(graph))
    return graph.with_(nodes=tuple(graph.nodes[k] for k in order.sequence))


def place(schedule: Schedule) -> Placement:
    buffers = tuple(Buffer(b.id, b.size_bytes, b.align, b.first, b.last) for b in schedule.buffers)
    return solve(Problem(buffers))


def make_plan(graph: Graph, isa: frozenset[str], progress: Callable[[str], None] = lambda text: None) -> Plan:
    """The checked plan with the smallest arena among: with and without views (a concatenation written in place keeps
    its whole result alive from its first part on, which can cost more than the copy). Raises InternalError if the
    checker refuses it."""
    progress("ordering operators")
    graph = reorder(graph)
    best: tuple[Placement, Schedule] | None = None
    for views in (True, False):
        progress("placing buffers")
        schedule = make_schedule(graph, isa, views=views)
        placement = place(schedule)
        if best is None or placement.height < best[0].height:
            best = placement, schedule
    assert best is not None
    progress("checking the plan")
    return _checked(graph, best[1], best[0])


def plan_of(graph: Graph, schedule: Schedule) -> Plan:
    """The checked plan of one given schedule of `graph`."""
    return _checked(graph, schedule, place(schedule))


def _checked(graph: Graph, schedule: Schedule, placement: Placement) -> Plan:
    height = (placement.height + ALIGN - 1) // ALIGN * ALIGN
    plan = Plan(graph, schedule, dict(placement.offsets), height, placement.lower_bound, placement.optimal)
    check(plan)
    return plan
