"""What the sliding-window operators (convolutions, pools) share: padding arithmetic, geometry of a window, patches."""

from __future__ import annotations

import numpy as np

from tinyml.ir import NodeView, Tensor
from tinyml.opspec import Lowering, Options, Value, Window, require, supported

SAME, VALID = 0, 1
Pad4 = tuple[int, int, int, int]  # top, left, bottom, right
# the leading fields of every window kernel's params (tm/window.h)
FIELDS = (
    "in", "out", "kernel_h", "kernel_w", "stride_h", "stride_w", "dilation_h", "dilation_w", "pad_top", "pad_left",
)  # fmt: skip


def read_padding(o: Options, x: Tensor, kernel: tuple[int, int], stride: tuple[int, int], dilation: tuple[int, int] = (1, 1)) -> Pad4:
    """Explicit padding of SAME or VALID for input [1,H,W,C]. Source: LiteRT padding.h, ComputePaddingHeightWidth."""
    require(len(x.shape) == 4, f"input has rank {len(x.shape)}, not 4")
    require(min(*stride, *dilation, *kernel) > 0, f"stride {stride}, dilation {dilation} or kernel {kernel} is not positive")
    kind = o.get("Padding")
    require(kind in (SAME, VALID), f"padding {kind} is neither SAME nor VALID")
    before, after = [], []
    for size, k, s, d in zip(x.shape[1:3], kernel, stride, dilation, strict=True):
        extent = (k - 1) * d + 1
        total = max((-(-size // s) - 1) * s + extent - size, 0) if kind == SAME else 0
        before.append(total // 2)
        after.append(total - total // 2)
    return before[0], before[1], after[0], after[1]


def check_steps(*values: int) -> None:
    """Strides, dilations and kernel extents are positive, and small enough for int32 arithmetic on positions."""
    require(all(1 <= v < 1 << 24 for v in values), f"stride, dilation or kernel {list(values)} is not in 1..2^24")


def check_pad(pad: Pad4, most: int = 1 << 24) -> None:
    require(all(0 <= v < most for v in pad), f"padding {list(pad)} is not in 0..{most - 1}")


def out_extent(size: int, before: int, after: int, k: int, stride: int, dilation: int = 1) -> int:
    """Number of output rows (columns); raises Malformed if the window does not fit once."""
    extent = (k - 1) * dilation + 1
    require(size + before + after >= extent, f"kernel extent {extent} is larger than the padded input {size + before + after}")
    return (size + before + after - extent) // stride + 1


def require_batch_one(x: Tensor) -> None:
    require(len(x.shape) == 4, f"input has rank {len(x.shape)}, not 4")
    supported(x.shape[0] == 1, f"batch size {x.shape[0]}, only 1 is supported")


def add_padding(a: Pad4, b: Pad4) -> Pad4:
    return a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3]


def window_access(kernel: tuple[int, int], stride: tuple[int, int], dilation: tuple[int, int], pad: Pad4) -> Window:
    return Window(stride, ((kernel[0] - 1) * dilation[0] + 1, (kernel[1] - 1) * dilation[1] + 1), pad[:2])


def window_params(
    n: NodeView, low: Lowering, kernel: tuple[int, int], stride: tuple[int, int], dilation: tuple[int, int], pad: Pad4
) -> tuple[tuple[str, Value], ...]:
    """The leading fields that every window kernel's params share (tm/window.h)."""
    return (
        ("in", low.geom(n.x)),
        ("out", low.geom(n.y)),
        ("kernel_h", kernel[0]), ("kernel_w", kernel[1]),
        ("stride_h", stride[0]), ("stride_w", stride[1]),
        ("dilation_h", dilation[0]), ("dilation_w", dilation[1]),
        ("pad_top", pad[0]), ("pad_left", pad[1]),
    )  # fmt: skip


def patches(
    x: np.ndarray, kernel: tuple[int, int], stride: tuple[int, int], dilation: tuple[int, int], pad: Pad4, fill: float
) -> np.ndarray:
    """[1,H,W,C] -> [OH,OW,kh,kw,C] view of the padded input (the reference's im2col)."""
    p = np.pad(x[0], ((pad[0], pad[2]), (pad[1], pad[3]), (0, 0)), constant_values=fill)
    kh, kw = kernel
    oh = out_extent(x.shape[1], pad[0], pad[2], kh, stride[0], dilation[0])
    ow = out_extent(x.shape[2], pad[1], pad[3], kw, stride[1], dilation[1])
    s = p.strides
    return np.lib.stride_tricks.as_strided(
        p,
        (oh, ow, kh, kw, x.shape[3]),
        (s[0] * stride[0], s[1] * stride[1], s[0] * dilation[0], s[1] * dilation[1], s[2]),
        writeable=False,
    )
