"""The generated project: the same bytes for the same input, nothing hostile in it, clean as C and C++, several in one program."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from case_build import WARNINGS
from conftest import needs
from interpret import interpret
from networks import SCALE, Net
from random_graphs import random_model
from tinyml.emit.calls import TableSet
from tinyml.emit.naming import c_comment, c_identifier
from tinyml.emit.values import c_float, c_int
from tinyml.ir import DType
from tinyml.opspec import Table
from tinyml.pipeline import Compiled, compile_model

HERE = Path(__file__).parent
CXX = "-std=c++11 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wcast-qual -Wmissing-declarations -Werror".split()
HOSTILE = [
    "*/ int evil; /*", '"; system("id"); "', "a\nb\r\n#error", "\x1b[31mred\x07", "../../etc/passwd", "/etc/passwd", "c:\\con\\nul",
    "für-größe-模型", "", " ", ".", "..", "int", "class", "_Bool", "__LINE__", "tm", "tm_model", "TM-base", "9lives", "????/", "???/\n", "a" * 5000,
    "run", "step", "main", "string", "stdint", "math", "float", "model", "arena", "errno", "NULL", "inputs", "net_weights", "weights", "\\", "%s%n", "{{ 7 }}",
    "a/*b", "//", "\x00", "\u202egnp", "p0", "base", "linux", "unix",
]  # fmt: skip


def network(name: str | bytes = "t", channels: int = 4) -> bytes:
    n = Net()
    x = n.act((1, 5, 5, 3))
    y = n.unary("LOGISTIC", n.conv(x, channels, 3), 1 / 256, -128)
    for t in n.tensors:
        t.name = name
    return n.build([x], [y])


def float_edges() -> bytes:
    n = Net()
    f = n.act((1, 6), None)
    q = n.op("QUANTIZE", [f], [n.act((1, 6))])[0]
    y = n.unary("RELU", n.reshape(q, (2, 3)))
    g = n.op("DEQUANTIZE", [y], [n.act((2, 3), None)])[0]
    return n.build([f], [g])


def write(compiled: Compiled, folder: Path) -> Path:
    """All files below `folder`; returns the library's src folder."""
    for path, text in compiled.project.files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder / compiled.project.model_dir / "src"


def run(*args: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(a) for a in args], cwd=cwd, capture_output=True, text=True, timeout=300, check=False)


def compile_all(src: Path, *command: object, out: Path | None = None) -> list[Path]:
    """Each .c of a library alone; the objects. Fails with the compiler's message."""
    objects = []
    for c in sorted(src.glob("*.c")):
        target = (out or src) / f"{c.stem}.o"
        p = run(*command, "-I", src, "-c", c, "-o", target)
        assert p.returncode == 0, p.stderr[:3000]
        objects.append(target)
    return objects


# ---------------------------------------------------------------- the same bytes

def digests() -> dict[str, str]:
    out = {}
    for seed in range(12):
        files = compile_model(random_model(seed).data, f"model {seed}").project.files
        out[str(seed)] = hashlib.sha256(json.dumps(files).encode()).hexdigest()
    return out


def test_equal_input_gives_equal_bytes_in_any_process() -> None:
    path = os.pathsep.join([str(HERE), *sys.path])
    script = "import json, test_emit; print(json.dumps(test_emit.digests()))"
    here = digests()
    for seed in ("0", "1", "4711"):
        env = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": path}
        p = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=env, timeout=300, check=True)
        assert json.loads(p.stdout) == here, f"PYTHONHASHSEED={seed}"


def test_other_input_gives_another_hash() -> None:
    hashes = {compile_model(network(channels=c), "m").project.model_hash for c in (3, 4)}
    hashes.add(compile_model(network("other names"), "m").project.model_hash)
    assert len(hashes) == 3


# ---------------------------------------------------------------- hostile names

def test_identifiers_are_safe_and_distinct_where_they_can_be() -> None:
    for name in HOSTILE:
        i = c_identifier(name)
        assert re.fullmatch(r"[a-z][a-z0-9_]{0,43}", i) and not i.startswith("tm_") and i != "tm" and not i.endswith("_"), (name, i)
        assert not (Path("/usr/include") / f"{i}.h").exists(), name
    assert c_identifier("kws DS-CNN.v2") == "kws_ds_cnn_v2"


@pytest.mark.parametrize("text", HOSTILE)
def test_comments_can_not_be_left(text: str) -> None:
    safe = c_comment(text)
    assert re.fullmatch(r"[ -~]*", safe)
    for mark in ("*/", "/*", "??", "\\"):
        assert mark not in f"/* {safe} */"[3:-3]
    assert c_comment("plain name, 3.5x") == "plain name, 3.5x"


def test_comment_marks_that_a_replacement_would_make_anew() -> None:
    for text in ("**//", "/*/", "*/*/", "????", "???/", "//**", "*\\", "\\*/", "*\n/"):
        assert not re.search(r"\*/|/\*|\?\?", c_comment(text)), text


def test_hostile_names_reach_nothing(tmp_path: Path) -> None:
    """The tensors' names nowhere; the model's name only as an identifier and a harmless comment. Every result compiles."""
    for k, name in enumerate(HOSTILE):
        tensor = f"qzx{name}".encode("utf-8", "surrogatepass")
        compiled = compile_model(network(tensor), name)
        for path, text in compiled.project.files.items():
            assert re.fullmatch(r"[a-z][a-z0-9_]*(/[a-z][a-z0-9_]*)*\.(c|h|json|properties)", path), (name, path)
            assert re.fullmatch(r"[\n -~]*", text), (name, path)
            assert "qzx" not in text, (name, path)
        json.loads(compiled.project.files[f"{compiled.project.model_dir}/library.json"])
        src = write(compiled, tmp_path / str(k))
        own = [src / f"{compiled.project.prefix}.c", src / f"{compiled.project.prefix}_weights.c"]
        main = tmp_path / str(k) / "main_test.c"
        main.write_text(f'#include <stdint.h>\n#include <string.h>\n#include <math.h>\n#include "{compiled.project.prefix}.h"\nint main(void) {{ return 0; }}\n')
        p = run("cc", *WARNINGS, "-fsyntax-only", "-I", src, *own, main)
        assert p.returncode == 0, f"{name!r}: {p.stderr[:2000]}"


# ---------------------------------------------------------------- C and C++

@pytest.mark.parametrize("standard", ["c", "c++"])
def test_compiles_without_warnings(standard: str, tmp_path: Path) -> None:
    """Random networks, float edges, and one without any step, with and without the debugging table."""
    models = [random_model(seed).data for seed in range(0, 40, 4)] + [float_edges(), nothing_to_do()]
    done = set()
    for k, data in enumerate(models):
        src = write(compile_model(data, f"net {k}"), tmp_path / str(k))
        for c in sorted(src.glob("*.c")):
            if c.name in done:
                continue
            done.add(c.name)
            compiler = ["cc", *WARNINGS] if standard == "c" else ["c++", "-x", "c++", *CXX]
            for extra in ([], ["-DTM_MODEL_DEBUG"]) if c.name.startswith("net_") else ([],):
                p = run(*compiler, *extra, "-fsyntax-only", "-I", src, c)
                assert p.returncode == 0, p.stderr[:3000]


def nothing_to_do() -> bytes:
    """All operators are views: no step is left."""
    n = Net()
    x = n.act((1, 6))
    return n.build([x], [n.reshape(n.reshape(x, (2, 3)), (3, 2))])


def test_a_network_of_views_alone() -> None:
    compiled = compile_model(nothing_to_do(), "nothing")
    assert not compiled.plan.schedule.steps
    assert "#define NOTHING_STEPS 0\n" in compiled.project.files["lib/nothing/src/nothing.h"]


def test_one_plain_command_builds_the_library(tmp_path: Path) -> None:
    src = write(compile_model(network(), "plain"), tmp_path)
    assert run("sh", "-c", "cc -c *.c", cwd=src).returncode == 0


def test_another_runtime_version_does_not_compile(tmp_path: Path) -> None:
    src = write(compile_model(network(), "m"), tmp_path)
    base = src / "tm" / "base.h"
    text = base.read_text()
    changed = re.sub(r"(#define TM_RUNTIME_VERSION) (\d+)", r"\1 9999", text)
    assert changed != text
    base.write_text(changed)
    for compiler in (["cc", "-std=c99"], ["c++", "-x", "c++"]):
        p = run(*compiler, "-fsyntax-only", "-I", src, src / "m.c")
        assert p.returncode != 0 and "another version of the tinyml runtime" in p.stderr


# ---------------------------------------------------------------- several models in one program

MAIN = """
#include <stdio.h>
#include "first_net.h"
#include "second_net.h"
#include "edges.h"
static TM_ALIGNED(16) uint8_t a[FIRST_NET_ARENA_BYTES], b[SECOND_NET_ARENA_BYTES], c[EDGES_ARENA_BYTES];
int main(void) {
  first_net_ctx x;
  second_net_ctx y;
  edges_ctx z;
  float values[EDGES_INPUT_ELEMENTS];
  if (first_net_init(&x, a, sizeof a) || second_net_init(&y, b, sizeof b) || edges_init(&z, c, sizeof c)) return 1;
  if (first_net_init(&x, a, sizeof a - 1) != TM_ERR_ARENA || first_net_init(&x, a + 1, sizeof a) != TM_ERR_ARENA) return 2;
  if (first_net_init(NULL, a, sizeof a) != TM_ERR_ARGUMENT || first_net_step(&x, FIRST_NET_STEPS) != TM_ERR_ARGUMENT) return 3;
  if (fread(first_net_input(&x), 1, FIRST_NET_INPUT_BYTES, stdin) != FIRST_NET_INPUT_BYTES) return 4;
  if (fread(second_net_input(&y), 1, SECOND_NET_INPUT_BYTES, stdin) != SECOND_NET_INPUT_BYTES) return 5;
  if (fread(values, 4, EDGES_INPUT_ELEMENTS, stdin) != EDGES_INPUT_ELEMENTS) return 6;
  if (edges_set_input_f32(&z, values, 1, EDGES_INPUT_ELEMENTS) != TM_ERR_ARGUMENT) return 7;
  for (uint32_t k = 0; k < EDGES_INPUT_ELEMENTS; k += 2) {
    if (edges_set_input_f32(&z, values + k, k, 2)) return 8;
  }
  /* step by step, in turns: nothing is shared */
  for (uint32_t k = 0; k < FIRST_NET_STEPS; ++k) {
    if (first_net_step(&x, k)) return 9;
    if (k == 0 && (second_net_invoke(&y) || edges_invoke(&z))) return 10;
  }
  fwrite(first_net_output(&x), 1, FIRST_NET_OUTPUT_BYTES, stdout);
  fwrite(second_net_output(&y), 1, SECOND_NET_OUTPUT_BYTES, stdout);
  for (uint32_t k = 0; k < EDGES_OUTPUT_ELEMENTS; ++k) {
    const float v = edges_output_f32(&z, k);
    fwrite(&v, 4, 1, stdout);
  }
  return 0;
}
"""


def test_three_models_in_one_program(tmp_path: Path) -> None:
    """One archive per model, each with its own copy of the kernels it uses."""
    models = {"first net": network(channels=4), "second net": network(channels=7), "edges": float_edges()}
    compiled = {name: compile_model(data, name) for name, data in models.items()}
    flags, archives = [], []
    for c in compiled.values():
        src = write(c, tmp_path)
        archives.append(tmp_path / f"lib{c.project.prefix}.a")
        assert run("ar", "rcs", archives[-1], *compile_all(src, "cc", *WARNINGS)).returncode == 0
        flags += ["-I", src]
    (tmp_path / "main.c").write_text(MAIN)
    p = run("cc", *WARNINGS, *flags, tmp_path / "main.c", *archives, "-o", tmp_path / "three")
    assert p.returncode == 0, p.stderr[:3000]
    rng = np.random.default_rng(2)
    inputs = []
    for c in compiled.values():
        t = c.source.io_input(0)
        inputs.append(rng.uniform(-7, 7, t.shape).astype(np.float32) if t.dtype is DType.FLOAT32 else rng.integers(-128, 128, t.shape).astype(np.int8))
    p = subprocess.run([tmp_path / "three"], input=b"".join(x.tobytes() for x in inputs), capture_output=True, timeout=60, check=False)
    assert p.returncode == 0
    expected = b"".join(interpret(c.source, [x])[0].tobytes() for c, x in zip(compiled.values(), inputs, strict=True))
    assert p.stdout == expected


def test_similar_names_share_no_symbol(tmp_path: Path) -> None:
    """Models whose names continue one another: no global symbol of one is another's, kernels aside."""
    seen: dict[str, str] = {}
    for name in ("a", "a_input", "a_set", "a_weights", "a_weights_0", "a_step", "a_model", "run", "step", "steps", "a_bias"):
        compiled = compile_model(network(channels=len(name)), name)
        src = write(compiled, tmp_path / name)
        for obj in compile_all(src, "cc", "-Os"):
            for line in run("nm", "-g", "--defined-only", obj).stdout.splitlines():
                symbol = line.split()[-1]
                if not symbol.startswith("tm_"):
                    assert seen.setdefault(symbol, name) == name, symbol
    assert len(seen) > 40


# ---------------------------------------------------------------- freestanding

@needs("arm-none-eabi-gcc", "arm-none-eabi-nm")
def test_int8_code_needs_nothing_but_the_runtime(tmp_path: Path) -> None:
    """Objects for a Cortex-M4 at -Os, without any library: at most memcpy, memset and memmove are left to the linker."""
    n = Net()
    x = n.act((1, 9, 9, 4))
    y = n.concat([n.conv(x, 4, 3), n.unary("RELU6", n.conv(x, 2, 1))], 3)
    y = n.max_pool(n.add(n.pad(y, [[0, 0], [1, 1], [1, 1], [0, 0]]), n.const(np.ones(6, np.int8), scale=SCALE, zero_point=0)), 3, 2)
    y = n.op("MEAN", [n.unary("HARD_SWISH", y), n.ints([1, 2])], [n.act((1, 6))])[0]
    y = n.unary("SOFTMAX", y, 1 / 256, -128, Beta=1.0)
    src = write(compile_model(n.build([x], [y]), "small"), tmp_path)
    command = "arm-none-eabi-gcc -mcpu=cortex-m4 -mthumb -Os -ffreestanding".split()
    objects = compile_all(src, *command, *WARNINGS)
    defined, wanted = set(), set()
    for obj in objects:
        for line in run("arm-none-eabi-nm", "-g", obj).stdout.splitlines():
            (wanted if " U " in line else defined).add(line.split()[-1])
    assert "small_invoke" in defined and "tm_conv_2d_i8" in defined
    assert wanted - defined <= {"memcpy", "memset", "memmove"}
    for obj in objects:  # no mutable data, initialised or not
        for line in run("arm-none-eabi-nm", obj).stdout.splitlines():
            assert line.split()[-2] not in "dDbBC", f"{obj.name}: {line}"


# ---------------------------------------------------------------- numbers

def test_floats_are_read_back_exactly() -> None:
    rng = np.random.default_rng(4)
    bits = np.concatenate([rng.integers(0, 1 << 32, 20000, np.uint64).astype(np.uint32), np.arange(0, 300, dtype=np.uint32)])
    values = bits.view(np.float32)
    values = values[np.isfinite(values)]
    for v in (*values, np.float32(0.1), np.float32(1e-4), np.float32(1e7), np.float32(-0.0), np.finfo(np.float32).max):
        text = c_float(float(v))
        assert re.fullmatch(r"-?\d+\.\d+(e[+-]\d+)?f", text), text
        back = np.float32(text[:-1])
        assert back == v and np.signbit(back) == np.signbit(v), text


def test_integers_have_literals() -> None:
    assert c_int(-(1 << 31)) == "(-2147483647 - 1)" and c_int((1 << 31) - 1) == "2147483647"


def test_equal_tables_are_one_array() -> None:
    tables = TableSet("m")
    a = np.arange(4, dtype=np.int8)
    first = tables.name(Table("weights", a))
    assert tables.name(Table("weights", a.copy())) == first
    assert tables.name(Table("weights", a.view(np.uint8))) != first
    assert tables.name(Table("weights", a, "table")) != first
    assert tables.name(Table("bias", np.zeros(0, np.int32))) == "NULL"
    assert [t.bytes for t in tables.unique] == [4, 4, 4] and tables.bytes("weights") == 8
