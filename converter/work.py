"""How much arithmetic a graph is, where each operator runs once: multiply-accumulates, and bit operations.

A multiply-accumulate of a b-bit weight with an a-bit activation counts b * a bit operations, as QuantMCU (arXiv 2401.13714) and
HAQ count them.
"""

from __future__ import annotations

from collections.abc import Callable

from tinyml.ir import DType, Graph, Tensor
from tinyml.opspec import load_ops


def node_macs(graph: Graph, k: int) -> int:
    """Multiply-accumulates of node k where it runs once."""
    view = graph.view(graph.nodes[k])
    return load_ops()[view.node.op].macs(view)


def graph_macs(graph: Graph) -> int:
    """Multiply-accumulates where each operator runs once."""
    return sum(node_macs(graph, k) for k in range(len(graph.nodes)))


def own_bits(t: Tensor) -> int:
    return t.dtype.bits


def node_bitops(graph: Graph, k: int, macs: int, bits: Callable[[Tensor], int] = own_bits) -> int:
    """`macs` multiply-accumulates of node k times the bits of its weights (of its second operand) and of its activations.
    bits: of a tensor, which may be another width than the graph's own."""
    n = graph.view(graph.nodes[k])
    live = [bits(t) for t in n.inputs if t is not None and not t.is_const and t.dtype is not DType.BOOL]
    fixed = [bits(t) for t in n.inputs[1:2] if t is not None and t.is_const]
    return macs * (live[0] if live else 0) * (fixed or live[1:] or live or [0])[0]


def graph_bitops(graph: Graph, bits: Callable[[Tensor], int] = own_bits) -> int:
    """Bit operations of one inference."""
    return sum(node_bitops(graph, k, node_macs(graph, k), bits) for k in range(len(graph.nodes)))
