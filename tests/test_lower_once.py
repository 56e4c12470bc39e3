"""Calls that are remembered: the same ones for the same node and geometries, and for nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from networks import Net
from tinyml.ir import NodeView
from tinyml.ops import _channels
from tinyml.opspec import Geom, Lowering, load_ops
from tinyml.variants import once


def layer() -> tuple[NodeView, Lowering]:
    n = Net()
    x = n.act((1, 6, 6, 8))
    g = n.graph([x], [n.conv(x, 12, 3)])
    view = g.view(g.nodes[0])
    return view, Lowering(
        {t: Geom(*b.stored, b.stored[1] * b.stored[2], b.stored[2]) for t, b in g.tensors.items() if not b.is_const}, frozenset({"dsp"})
    )


def test_a_layer_is_lowered_once_for_its_geometries() -> None:
    view, low = layer()
    lower = load_ops()[view.node.op].lower
    first = lower(view, low)
    assert lower(view, replace(low, geoms=dict(low.geoms)))[0] is first[0]
    wide = replace(low.geoms[view.x.id], px_stride=16, row_stride=96)
    assert dict(lower(view, replace(low, geoms={**low.geoms, view.x.id: wide}))[0].params)["in"] == wide


@pytest.mark.parametrize("change", [{"isa": frozenset()}, {"optimize": "flash"}, {"repeats": 6}, {"without": frozenset({"tm_conv_2d_i8"})}, {"scratch_bytes": 0}])
def test_what_else_a_lowering_may_look_at_is_asked_for_anew(change: dict[str, object]) -> None:
    view, low = layer()
    made = []
    for each in (low, low, replace(low, **change)):  # type: ignore[arg-type]
        once(view, each, lambda: made.append(1) or ())  # type: ignore[func-returns-value]
    assert len(made) == 2


def test_another_layer_with_the_same_ids_is_another_one() -> None:
    (view, low), (other, _) = layer(), layer()
    w = view.inputs[1]
    assert w is not None
    changed = replace(view, inputs=(view.x, replace(w, data=np.zeros_like(w.data)), *view.inputs[2:]))
    made = []
    for each in (view, other, changed, view):
        once(each, low, lambda: made.append(1) or ())  # type: ignore[func-returns-value]
    assert len(made) == 3


def test_nobody_can_change_shared_multipliers() -> None:
    view, _ = layer()
    w = view.inputs[1]
    assert w is not None
    for each in _channels.multipliers(view.x, w, view.y, 12):
        with pytest.raises(ValueError, match="read-only"):
            each[0] = 0
