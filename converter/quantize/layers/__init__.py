"""Operators with weights, as quantisation sees them: y[m] = sum over k of rows[k] * matrix[m,k] + bias[m].

Every file of this package whose name has no leading underscore defines one ``LAYER = Layer(...)``; nothing else lists them.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

from tinyml.ir import NodeView, Tensor


@dataclass(frozen=True)
class Layer:
    """x, weights, bias: positions of the operands. axis: dimension of the weights that counts output channels.

    G is the number of groups that share no inputs, M the output channels of one (channel g*M + m is row m of group g), K the
    products per output. matrix(node, weights) -> [G,M,K] and back; rows(node, x [N,*shape]) -> [G, N*outputs, K], the values
    that are multiplied, in the order of the output's pixels. channels(node) -> ints of the weights' shape: the channel of the
    input (its last dimension) that each weight is multiplied by; None where that is not one channel.
    """

    op: str
    axis: int
    matrix: Callable[[NodeView, np.ndarray], np.ndarray]
    weights_of: Callable[[NodeView, np.ndarray], np.ndarray]
    rows: Callable[[NodeView, np.ndarray], np.ndarray]
    channels: Callable[[NodeView], np.ndarray | None]
    x: int = 0
    weights: int = 1
    bias: int = 2

    def tensors(self, n: NodeView) -> tuple[Tensor, Tensor, Tensor | None]:
        """Input, weights, bias or None."""
        x, w = n.inputs[self.x], n.inputs[self.weights]
        assert x is not None and w is not None
        return x, w, n.input(self.bias)

    def run(self, n: NodeView, x: np.ndarray, weights: np.ndarray, bias: np.ndarray | None) -> np.ndarray:
        """[N,*y.shape] in float32 for x [N,*x.shape], before the clamp."""
        y = np.matmul(self.rows(n, x), self.matrix(n, weights).transpose(0, 2, 1))  # [G,P,M]
        y = y[0] if len(y) == 1 else y.transpose(1, 0, 2)
        y = y.reshape(len(x), *n.y.shape)
        if bias is not None:
            y = y + bias.reshape(-1)
        return y


@cache
def load_layers() -> dict[str, Layer]:
    """By schema name."""
    modules = (importlib.import_module(f"{__name__}.{m.name}") for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))
    return {m.LAYER.op: m.LAYER for m in modules}
