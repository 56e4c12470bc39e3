"""Calls between the subgraphs of a .tflite file. None is built; but a file whose calls never end is not a model."""

from __future__ import annotations

from functools import cache

import tflite

from tinyml.importers.flatbuffer import at, checked
from tinyml.opspec import Malformed, require

MAX_SUBGRAPHS, MAX_OPERATORS = 1000, 10_000


def _numbered(enum: type) -> dict[int, str]:
    return {v: k for k, v in vars(enum).items() if not k.startswith("_")}


OPTIONS, OPTIONS_2 = _numbered(tflite.BuiltinOptions), _numbered(tflite.BuiltinOptions2)


@cache
def _callee_fields(table: str) -> tuple[str, ...]:
    """The fields of an options table that hold a subgraph's number, recognised by the schema's naming."""
    fields = vars(getattr(tflite, table, object))
    return tuple(f for f in fields if f == "Subgraph" or f.endswith("SubgraphIndex"))


def callees(operator: tflite.Operator, data: bytes) -> list[int]:
    found = []
    for kind, names, options in (
        (operator.BuiltinOptionsType(), OPTIONS, operator.BuiltinOptions),
        (operator.BuiltinOptions2Type(), OPTIONS_2, operator.BuiltinOptions2),
    ):
        fields = _callee_fields(names.get(kind, ""))
        table = options() if fields else None
        if table is not None:
            accessor = at(getattr(tflite, names[kind]), data, table.Pos)
            found += [getattr(accessor, f)() for f in fields]
    return found


def check_calls(model: tflite.Model, data: bytes) -> None:
    """Raises Malformed if subgraph 0 leads to a subgraph that does not exist or that calls itself."""
    count, budget = model.SubgraphsLength(), MAX_OPERATORS
    require(count <= MAX_SUBGRAPHS, f"{count} subgraphs are more than {MAX_SUBGRAPHS}")
    edges: dict[int, list[int]] = {}
    # depth first with an explicit stack: (subgraph, its callees that are still to be visited)
    path: list[tuple[int, list[int]]] = []
    entering: int | None = 0
    while entering is not None or path:
        if entering is not None:
            if any(entering == s for s, _ in path):
                cycle = [s for s, _ in path][[s for s, _ in path].index(entering) :] + [entering]
                raise Malformed("subgraphs call each other in a cycle: " + " -> ".join(map(str, cycle)))
            if entering not in edges:
                graph = checked(model.Subgraphs(entering))
                budget -= graph.OperatorsLength()
                require(budget >= 0, f"more than {MAX_OPERATORS} operators")
                called = {c for k in range(graph.OperatorsLength()) for c in callees(checked(graph.Operators(k)), data)}
                for c in called - {-1}:  # -1 is how the schema says "none" here
                    require(0 <= c < count, f"an operator of subgraph {entering} calls subgraph {c} of {count}")
                edges[entering] = sorted(called - {-1})
                path.append((entering, list(edges[entering])))
        entering = path[-1][1].pop() if path and path[-1][1] else None
        if entering is None and path:
            path.pop()
