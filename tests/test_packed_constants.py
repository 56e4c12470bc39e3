"""Packed constants unpack to the layer's biases, multipliers and shifts, in C (tm/packed_constants.h, with the sanitizers) as
the lowering packs them; kernels that unpack them in assembly are compared with the reference in test_isa_variants.py."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from random_layers import random_layers
from tflite_writer import write_case
from tinyml.importers import import_model
from tinyml.ir import NodeView
from tinyml.ops import _channels
from tinyml.ops.variants import _packed
from tinyml.opspec import load_ops

ROOT = Path(__file__).resolve().parents[1]
LAYERS = 150
PROGRAM = """
#include <stdio.h>
#include "tm/packed_constants.h"
static void layer(tm_packed_constants q, const uint32_t *bits, int32_t n) {
  for (int32_t k = 0; k < n; ++k) {
    const tm_channel_constants c = tm_unpack_constants(&q, bits, k / 2, k + 1 == n ? 1 : k & 1);
    printf("%%ld %%ld %%ld\\n", (long)c.bias, (long)c.mult, (long)c.shift);
  }
}
%s
int main(void) { %s return 0; }
"""


def layers(op: str) -> list[tuple[NodeView, np.ndarray, np.ndarray, np.ndarray]]:
    """Nodes with the bias, mult and shift of their channels."""
    out = []
    for case in random_layers(op, LAYERS, 11):
        graph = import_model(write_case(load_ops()[op], case), case.name)
        n = graph.view(graph.nodes[0])
        w = n.inputs[1]
        assert w is not None and w.data is not None
        channels = n.y.shape[3]
        axes = tuple(k for k in range(4) if k != (3 if op == "DEPTHWISE_CONV_2D" else 0))
        bias = _channels.folded_bias(n.x, n.input(2), w.data.sum(axes, dtype=np.int64))
        out.append((n, bias, *_channels.multipliers(n.x, w, n.y, channels)))
    return out


@pytest.mark.parametrize("op", ["DEPTHWISE_CONV_2D", "CONV_2D"])
def test_unpacked_constants_are_the_layers(op: str, tmp_path: Path) -> None:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no host C compiler")
    tables, calls, expected = [], [], []
    found = layers(op)
    for n, bias, mult, shift in found:
        packed = _packed.pack(n, bias, mult, shift)
        if packed is None:
            continue
        words, rest = packed
        name = f"t{len(tables)}"
        tables.append(f"static const uint32_t {name}[] = {{{', '.join(f'{v}u' for v in words.view('<u4').tolist())}}};")
        fields = ", ".join(f"{v}u" if v >= 1 << 31 else str(v) for v in rest if isinstance(v, int))
        calls.append(f"{{ tm_packed_constants q = {{{fields}}}; layer(q, {name}, {len(bias)}); }}")
        expected += zip(bias.tolist(), mult.tolist(), (-shift.astype(int)).tolist(), strict=True)
    assert len(tables) > 0.8 * len(found), "most layers can be packed"
    source = tmp_path / "unpack.c"
    source.write_text(PROGRAM % ("\n".join(tables), "\n".join(calls)))
    flags = ["-std=c99", "-O1", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    subprocess.run([compiler, *flags, f"-I{ROOT / 'runtime_c' / 'include'}", str(source), "-o", str(tmp_path / "unpack")], check=True)
    said = subprocess.run([tmp_path / "unpack"], capture_output=True, text=True, check=True, timeout=60).stdout
    assert [tuple(map(int, line.split())) for line in said.splitlines()] == expected


def test_a_multiplier_that_is_not_the_scales_is_not_packed() -> None:
    n, bias, mult, shift = layers("CONV_2D")[0]
    assert _packed.pack(n, bias, mult, shift) is not None
    other = mult.copy()
    other[0] += 1
    assert _packed.pack(n, bias, other, shift) is None
    assert _packed.pack(n, bias + (1 << 26), mult, shift) is None
