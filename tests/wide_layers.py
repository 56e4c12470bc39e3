"""Random layers of int16 activations and int8 weights: the random int8 layers, widened."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from packed_layers import Layer
from random_layers import MAKERS, random_layers
from tflite_writer import random_inputs, write_case
from tinyml.importers import import_model
from tinyml.ops.int16 import _wide
from tinyml.opspec import Case, load_ops

WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
OPERATORS = tuple(op for op in (*WEIGHTED, "ADD", "SUB", "MUL", "AVERAGE_POOL_2D", "MAX_POOL_2D", "MEAN") if op in MAKERS)


def cases(op: str, count: int, seed: int) -> Iterator[tuple[Case, bytes]]:
    """`count` layers and their files, equal for equal arguments."""
    for case in random_layers(op, count, seed):
        wide = _wide.weighted_case(case) if op in WEIGHTED else _wide.plain_case(case)
        if op in ("ADD", "SUB"):
            wide = replace(wide, options={**wide.options, "PotScaleInt16": False})
        yield wide, write_case(load_ops()[op], wide)


def layers(op: str, count: int, seed: int) -> Iterator[Layer]:
    """Those of `cases` that are not refused, with operands."""
    for number, (case, data) in enumerate(cases(op, count, seed)):
        graph = import_model(data, case.name)
        n = graph.view(graph.nodes[0])
        fed = dict(zip(graph.inputs, random_inputs(case, number), strict=True))
        yield Layer(f"{op} {number}", load_ops()[op], n, tuple(None if t is None else fed.get(t.id, t.data) for t in n.inputs))
