"""SEPARABLE_CONV_2D for Armv7E-M: layout and arithmetic in tm/separable_conv_2d.h."""

from __future__ import annotations

import numpy as np

from tinyml.ir import NodeView
from tinyml.ops import _window
from tinyml.ops.separable_conv_2d import parts
from tinyml.ops.variants import _pairs, _requant, conv_2d_i8_pairs_dsp, depthwise_conv_2d_i8_taps_dsp
from tinyml.ops.variants._scaled import scaled
from tinyml.opspec import KernelCall, Lowering, Ref, Scratch, Table
from tinyml.variants import Variant

MOST_TAPS = 49  # TM_SEPARABLE_TAPS


def applies(n: NodeView, low: Lowering) -> bool:
    (first, second), c = parts(n), n.x.shape[3]
    v = n.inputs[1]
    assert v is not None
    room = low.scratch_bytes is None or low.scratch_bytes >= _scratch(n)
    shapes = c % 4 == 0 and c >= 8 and v.shape[1] * v.shape[2] <= MOST_TAPS
    slower = "mve" in low.isa  # than Helium's kernels for the two
    return (
        room and shapes and not slower and depthwise_conv_2d_i8_taps_dsp.applies(first, low) and conv_2d_i8_pairs_dsp.applies(second, low)
    )


def _together(n: NodeView, triples: bool = True) -> int:
    """Pixels of a row that are computed together at most."""
    return 3 if triples and n.y.shape[2] >= 3 and n.y.shape[2] % 2 else 2


def _scratch(n: NodeView, triples: bool = True) -> int:
    return 2 * _together(n, triples) * n.x.shape[3]


def lower(n: NodeView, low: Lowering, portable: tuple[KernelCall, ...]) -> tuple[KernelCall, ...]:
    first, second = parts(n)
    s, found = scaled(first), conv_2d_i8_pairs_dsp.constants(second, low.without)
    assert s is not None and found is not None
    triples = _pairs.triples(found[1], low.without)
    _, kh, kw, _ = first.inputs[1].shape
    window = _window.window_params(n, low, (kh, kw), n.attrs.stride, n.attrs.dilation, n.attrs.pad)
    pad = Table("pad", np.full(n.x.shape[3], n.x.zero_point, np.int8), "table")
    weights, bias, _, _ = conv_2d_i8_pairs_dsp.parts(second)
    return (
        KernelCall(
            "tm_separable_conv_2d_i8_dsp", "separable_conv_2d", "tm_separable_conv_2d_i8_params",
            (*window, ("inner_any_sign", s.any_sign), ("any_sign", found[1]), ("together", _together(n, triples)), ("pad", pad)),
            (
                Ref(n.x.id), Table("weights", depthwise_conv_2d_i8_taps_dsp.stream(s)),
                Table("weights", _pairs.stream(weights, bias, found[0])), Ref(n.y.id), Scratch(),
            ),
            _scratch(n, triples), loops=_pairs.LOOPS,
            parts=(*_requant.form_parts("WIDE_TAPS", s.any_sign), *_pairs.parts(found[1], _together(n, triples))),
        ),
    )  # fmt: skip


def instructions(n: NodeView) -> float:
    first, second = parts(n)
    c, co = n.x.shape[3], n.y.shape[3]
    pixels = n.y.elements // co
    return depthwise_conv_2d_i8_taps_dsp.instructions(first) + pixels * ((co + 1) // 2 * (5.7 * (c // 4) + 16.0) + 20.0)


VARIANT = Variant(
    "separable_conv_2d_i8_dsp",
    "SEPARABLE_CONV_2D",
    frozenset({"dsp"}),
    applies,
    lower,
    instructions,
    code_bytes=1010,
    parts=(*_pairs.LOOP_BYTES, ("TM_WIDE_TAPS_ONE_SIGN", 436), ("TM_WIDE_TAPS_ANY_SIGN", 452)),
)
