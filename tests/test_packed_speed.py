"""1x1 layers with weights of 4 bits against int8 ones on emulated cores: at most 1.15 times the instructions for half of the
bytes."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from conftest import REPO, needs
from packed_layers import INT
from tinyml.importers.container import write
from tinyml.ir import DType, Graph, Node, Quant, Tensor
from tinyml.ops._convolution import Attrs
from tinyml.opspec import Geom, Lowering, Table, load_ops
from tinyml.variants import table_bytes

sys.path.insert(0, str(REPO / "benchmarks"))
import speed  # noqa: E402

MOST = 1.15
SHAPES = [(25, 5, 64, 64), (6, 6, 128, 128)]
MOST_FLASH = 0.54  # of the int8 layer's bytes, constants included: exact ones need some 43 bits a channel with either width


def _layer(h: int, w: int, ci: int, co: int, bits: int, zero_point: int) -> Graph:
    """zero_point -128: the output of a ReLU."""
    rng = np.random.default_rng(0)
    most = (1 << (bits - 1)) - 1
    scales = tuple(float(np.float32(v / most)) for v in rng.uniform(1.2, 2.5, co))
    weights = rng.integers(-most, most + 1, (co, 1, 1, ci)).astype(np.int8)
    bias = rng.integers(-200, 200, co).astype(np.int32)
    tensors = (
        Tensor(0, "x", (1, h, w, ci), DType.INT8, Quant((0.03,), (-128,))),
        Tensor(1, "w", weights.shape, INT[bits], Quant(scales, (0,) * co), weights),
        Tensor(2, "b", (co,), DType.INT32, Quant(tuple(0.03 * s for s in scales), (0,) * co), bias),
        Tensor(3, "y", (1, h, w, co), DType.INT8, Quant((float(np.float32(0.04 * np.sqrt(ci))),), (zero_point,))),
    )
    node = Node("CONV_2D", (0, 1, 2), (3,), Attrs((1, 1), (1, 1), (0, 0, 0, 0), (-128, 127)), 0)
    return Graph("layer", {t.id: t for t in tensors}, (node,), (0,), (3,))


@cache
def _instructions(board: str, shape: tuple[int, int, int, int], bits: int, zero_point: int, folder: Path) -> int:
    file = folder / f"w{bits}.tml"
    file.write_bytes(write(_layer(*shape, bits, zero_point)))
    report = speed.bench(file, board)
    assert not isinstance(report, str), report
    assert report["counter"] == "instructions"
    return report["instructions"]


@pytest.mark.parametrize("board", ["nucleo_f446re", "stm32f746"])
@pytest.mark.parametrize("zero_point", [-128, 5])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@needs("arm-none-eabi-gcc", "qemu-system-arm")
def test_instructions(board: str, zero_point: int, shape: tuple[int, int, int, int], tmp_path: Path) -> None:
    wide, narrow = (_instructions(board, shape, bits, zero_point, tmp_path) for bits in (8, 4))
    assert narrow <= MOST * wide, f"{narrow:,} instructions with 4 bits, {wide:,} with 8: {narrow / wide:.3f}"


@pytest.mark.parametrize("zero_point", [-128, 5])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_flash(shape: tuple[int, int, int, int], zero_point: int) -> None:
    """Weights of 4 bits take exactly half of int8's bytes, and the constants in front of them at most six bytes a channel."""
    weights, layer = {}, {}
    for bits in (8, 4, 2):
        g = _layer(*shape, bits, zero_point)
        n = g.view(g.nodes[0])
        (call,) = load_ops()["CONV_2D"].lower(n, Lowering({t.id: Geom.dense(*t.stored) for t in (n.x, n.y)}, frozenset({"dsp"})))
        assert call.func == ("tm_conv_2d_i8_pairs_dsp" if bits == 8 else "tm_conv_2d_i8_nibbles_dsp")
        layer[bits] = table_bytes((call,), "weights")
        weights[bits] = shape[2] * shape[3] * bits // 8
        if bits < 8:
            (table,) = (a for a in call.args if isinstance(a, Table))
            assert table.data.nbytes == layer[bits] and 0 < layer[bits] - weights[bits] <= 6 * shape[3]
    assert layer[4] <= MOST_FLASH * layer[8]
