"""What CONV_2D and DEPTHWISE_CONV_2D share: their attributes, and how the file's options become them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tinyml.ir import NodeView, Tensor
from tinyml.numerics import activation_clamp, check_clamp
from tinyml.ops import _window
from tinyml.opspec import Options, require, supported


@dataclass(frozen=True)
class Attrs:
    stride: tuple[int, int]
    dilation: tuple[int, int]
    pad: _window.Pad4
    clamp: tuple[float, float]  # of the output, in its own domain

    def check(self, n: NodeView) -> None:
        _window.check_steps(*self.stride, *self.dilation)
        _window.check_pad(self.pad)
        check_clamp(self.clamp, n.y)


def read(o: Options, inputs: tuple[Tensor | None, ...], outputs: tuple[Tensor, ...]) -> Attrs:
    x, w = inputs[0], inputs[1]
    assert x is not None and w is not None
    require(len(w.shape) == 4, f"weights have rank {len(w.shape)}, not 4")
    stride, dilation = (o.get("StrideH"), o.get("StrideW")), (o.get("DilationHFactor"), o.get("DilationWFactor"))
    pad = _window.read_padding(o, x, w.shape[1:3], stride, dilation)
    act = o.get("FusedActivationFunction")
    supported(act in (0, 1, 2, 3), f"fused activation {act}")
    return Attrs(stride, dilation, pad, activation_clamp(act, outputs[0]))


def with_clamp(n: NodeView, lo: float, hi: float) -> Attrs:
    return replace(n.attrs, clamp=(max(lo, n.attrs.clamp[0]), min(hi, n.attrs.clamp[1])))


def with_padding(n: NodeView, extra: _window.Pad4) -> Attrs:
    return replace(n.attrs, pad=_window.add_padding(n.attrs.pad, extra))
