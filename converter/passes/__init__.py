"""The graph passes, in order. This tuple *is* the front half of the compiler.

A pass is a function (Graph) -> Graph that leaves every output bit-identical. The graph is verified after each.
"""

from __future__ import annotations

from collections.abc import Callable

from tinyml.ir import Graph
from tinyml.passes.drop_constant_channels import drop_constant_channels
from tinyml.passes.drop_dead import drop_dead
from tinyml.passes.drop_noops import drop_noops
from tinyml.passes.fold_constants import fold_constants
from tinyml.passes.fold_padding import fold_padding
from tinyml.passes.fuse_activations import fuse_activations
from tinyml.passes.peel_edges import peel_edges
from tinyml.passes.verify import verify

Pass = Callable[[Graph], Graph]

PASSES: tuple[Pass, ...] = (fold_constants, drop_noops, fold_padding, fuse_activations, peel_edges, drop_constant_channels, drop_dead)


def run_passes(graph: Graph, after: Callable[[str, Graph], None] = lambda name, g: None) -> Graph:
    """All passes; `after` is called with each pass's name and result (--dump-after)."""
    for p in PASSES:
        graph = p(graph)
        verify(graph, p.__name__)
        after(p.__name__, graph)
    return graph
