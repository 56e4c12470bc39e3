"""The generated <model>_push_rows(): equal to the whole image, row by row or several at a time, and its errors."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from case_build import SANITIZE, WARNINGS
from conftest import REPO, needs
from networks import Net
from tinyml.ir import DType
from tinyml.pipeline import compile_model
from tinyml.plan.planner import Goal
from witness import litert_run

MODEL = REPO / "examples" / "digits" / "digits.tflite"
MAIN = """
#include <stdio.h>
#include "digits.h"

#define CHECK(ok) do { if (!(ok)) { fprintf(stderr, "line %d: %s\\n", __LINE__, #ok); return 1; } } while (0)
#define ROWS DIGITS_INPUT_ROWS
#define ROW DIGITS_INPUT_ROW_ELEMENTS

static TM_ALIGNED(16) uint8_t arena[DIGITS_ARENA_BYTES];

static int inference(digits_ctx *ctx, const TYPE *image, uint32_t step) {
  for (uint32_t y = 0; y < ROWS; y += step) {
    const uint32_t n = ROWS - y < step ? ROWS - y : step;
    CHECK(digits_push_rowsSUFFIX(ctx, image + y * ROW, n) == TM_OK);
  }
  CHECK(digits_push_rowsSUFFIX(ctx, image, 1) == TM_ERR_ARGUMENT); /* one too many */
  CHECK(digits_invoke(ctx) == TM_OK);
  CHECK(fwrite(digits_output(ctx), 1, DIGITS_OUTPUT_BYTES, stdout) == DIGITS_OUTPUT_BYTES);
  return 0;
}

int main(void) {
  TYPE image[DIGITS_INPUT_ELEMENTS];
  digits_ctx ctx;
  CHECK(digits_init(&ctx, arena, sizeof arena) == TM_OK);
  CHECK(fread(image, sizeof image[0], DIGITS_INPUT_ELEMENTS, stdin) == DIGITS_INPUT_ELEMENTS);
  CHECK(digits_push_rowsSUFFIX(NULL, image, 1) == TM_ERR_ARGUMENT);
  CHECK(digits_push_rowsSUFFIX(&ctx, image, ROWS + 1) == TM_ERR_ARGUMENT);
  CHECK(digits_invoke(&ctx) == TM_ERR_INPUT); /* nothing pushed */
  CHECK(digits_push_rowsSUFFIX(&ctx, image, ROWS - 1) == TM_OK);
  CHECK(digits_invoke(&ctx) == TM_ERR_INPUT); /* one row missing: the next row begins anew */
  for (uint32_t step = 1; step <= ROWS; ++step) {
    CHECK(inference(&ctx, image, step) == 0);
  }
  CHECK(digits_invoke(&ctx) == TM_ERR_INPUT); /* not again without an image */
  return 0;
}
"""


def float_network() -> bytes:
    """Takes float32, which its first operator quantises."""
    n = Net()
    x = n.act((1, 9, 7, 2), scale=None)
    return n.build([x], [n.conv(n.conv(n.unary("QUANTIZE", x), 6, 3), 3, 3, stride=2)])


@needs("gcc")
@pytest.mark.parametrize("as_float", [False, True])
def test_rows_give_what_the_whole_image_gives(as_float: bool, tmp_path: Path) -> None:
    data = float_network() if as_float else MODEL.read_bytes()
    compiled = compile_model(data, "digits", goal=Goal("ram", push_rows=True))
    graph = compiled.plan.graph
    tensor, model_input = graph.tensors[graph.inputs[0]], graph.io_input(0)
    assert as_float == (model_input.dtype is DType.FLOAT32)
    root = f"{compiled.project.model_dir}/src/"
    for path, text in compiled.project.files.items():
        if path.startswith(root):
            (tmp_path / path.removeprefix(root)).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path.removeprefix(root)).write_text(text)
    suffix, ctype = ("_f32", "float") if as_float else ("", "int8_t")
    (tmp_path / "main.c").write_text(MAIN.replace("SUFFIX", suffix).replace("TYPE", ctype))
    sources = sorted(map(str, tmp_path.glob("*.c")))
    subprocess.run(["gcc", *WARNINGS, *SANITIZE, f"-I{tmp_path}", *sources, "-lm", "-o", tmp_path / "push"], check=True, timeout=200)
    rng = np.random.default_rng(1)
    image = rng.uniform(-1, 1, tensor.shape).astype(np.float32) if as_float else rng.integers(-128, 128, tensor.shape).astype(np.int8)
    done = subprocess.run([tmp_path / "push"], input=image.tobytes(), capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr.decode()
    (expected,) = litert_run(data, [image])
    results = np.frombuffer(done.stdout, np.int8).reshape(tensor.shape[1], -1)
    np.testing.assert_array_equal(results, np.broadcast_to(expected.reshape(1, -1), results.shape))
