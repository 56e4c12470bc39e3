"""Constants in flash beside the weights of the model file: `flash.weights` of a balanced plan against the file's int8 weights.

The denominator counts every constant int8 tensor that is operand 1 of a convolution or a fully connected layer, once: no biases, no
scales. Weights of channels that the compiler removes count, as they are in the file (vww_96: 37,876 of 208,112 bytes stay).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tinyml.board import load_board
from tinyml.ir import Graph
from tinyml.ops.variants._packed import PART
from tinyml.pipeline import compile_model
from tinyml.variants import PRICES, load_variants

WEIGHED = {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"}
MLPERF, MCUNET = 1.15, 1.45
MOST = {
    "ad01_int8": MLPERF, "ic_resnet8_int8": MLPERF, "kws_dscnn_int8": MLPERF, "str_ww_int8": MLPERF, "vww_96_int8": MLPERF,
    "mcunet_vww": MCUNET, "mcunetv2_large": MCUNET,
}  # fmt: skip


def int8_weights(g: Graph) -> int:
    operands = [g.view(n).inputs[1] for n in g.nodes if n.op in WEIGHED]
    found = {t.id: t.data for t in operands if t is not None}
    return sum(d.nbytes for d in found.values() if d is not None and d.dtype == np.int8)


@pytest.mark.parametrize("name", sorted(MOST))
def test_weights_in_flash(name: str, shared_model: Callable[[str], Path]) -> None:
    c = compile_model(shared_model(name).read_bytes(), name, load_board("stm32f746").isa)
    assert c.project.weights_bytes <= MOST[name] * int8_weights(c.source)


@pytest.mark.parametrize(
    ("name", "packs"), [("kws_dscnn_int8", True), ("str_ww_int8", True), ("ic_resnet8_int8", False), ("mcunet_vww", False)]
)
def test_constants_are_packed_where_that_saves_a_twentieth(
    name: str, packs: bool, shared_model: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    data, isa = shared_model(name).read_bytes(), load_board("stm32f746").isa
    unpackers = {v.unpacks for found in load_variants().values() for v in found if v.unpacks}

    def network(share: float) -> tuple[bool, int]:
        monkeypatch.setitem(PRICES, "balanced", replace(PRICES["balanced"], packing=share))
        c = compile_model(data, name, isa)
        used = {f for step in c.plan.schedule.steps for call in step.calls for f in call.uses} & unpackers
        assert bool(used) is (f"{PART}=0" not in c.project.defines), "code that nothing needs"
        return bool(used), c.project.weights_bytes

    taken, weights = network(PRICES["balanced"].packing)
    (always, packed), (never, plain) = network(0.0), network(1.0)
    assert (always, taken, never) == (True, packs, False)
    assert weights == (packed if packs else plain) and (packed < 0.95 * plain) is packs
