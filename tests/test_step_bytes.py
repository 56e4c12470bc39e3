"""Steps as bytes: what the generator writes, the runtime reads, whatever the numbers and however many functions, tables and arenas."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import pytest

from conftest import REPO
from tinyml.emit.parts import DENSE, MOST_DEPTH, PART, compress
from tinyml.emit.records import Place, Record, StepTable, step_table

EDGES = (
    0,
    1,
    -1,
    63,
    64,
    -64,
    -65,
    8191,
    8192,
    -8192,
    -8193,
    (1 << 19) - 1,
    1 << 19,
    -(1 << 19),
    -(1 << 19) - 1,
    (1 << 31) - 1,
    -(1 << 31),
)
BLOCK = (1, 1, 1, 1, 1, 1, 0, 0, -128)


def sentence(rng: random.Random) -> tuple[int | None, ...]:
    """Numbers as steps have them: blocks that recur, geometries, anything."""
    out: list[int | None] = []
    for _ in range(rng.randrange(1, 7)):
        kind = rng.randrange(4)
        if kind == 0:
            out += BLOCK[: rng.choice((4, 9))]
        elif kind == 1:
            out += [*rng.choice(((28, 28, 240), (14, 14, 64), (7, 7, 144))), DENSE]
        elif kind == 2:
            out.append(rng.choice(EDGES))
        else:
            out.append(rng.randrange(-(1 << 31), 1 << 31) >> rng.randrange(32))
    return tuple(out)


def spread(numbers: tuple[int | None, ...]) -> list[int]:
    out: list[int] = []
    for n in numbers:
        out += [out[-2] * out[-1], out[-1], 0, 0] if n is DENSE else [n]
    return out


def steps(rng: random.Random, number: int, functions: int, arenas: int) -> list[tuple[str, Record]]:
    """Of functions f0, f1, ...: fk takes 1 + 2 * k words."""
    out = []
    for k in range(number):
        words = sentence(rng)
        pointers = [
            Place(rng.randrange(arenas), 8 * rng.randrange(1 << 14)) if rng.random() < 0.6 else f"t{rng.randrange(9)}"
            for _ in range(rng.randrange(8))
        ]
        out.append((f"f{k % functions}", Record("", words, tuple(pointers))))
    return out


PROGRAM = """
#include <stdio.h>
#include "tm/steps.h"
%(tables)s
static uint8_t arenas[3][1 << 17];
static const uint8_t parts[] = {%(parts)s};
static const uint8_t code[] = {%(code)s};
static const void *const tables[] = {%(names)s NULL};
static const uint32_t sizes[][2] = {%(sizes)s};
static uint32_t now;
static tm_status show(tm_step *s, int f) {
  uint32_t words[64];
  const uint32_t n = sizes[now][0], pointers = sizes[now][1];
  tm_step_read(s, words, n, pointers);
  printf("f%%d:", f);
  for (uint32_t k = 0; k < n; ++k) printf(" %%d", (int)words[k]);
  for (uint32_t k = 0; k < pointers; ++k) {
    const uint8_t *const p = (const uint8_t *)s->at[k].data;
    int a = -1;
    for (int i = 0; i < %(arenas)d; ++i) if (p >= arenas[i] && p < arenas[i] + sizeof arenas[i]) a = i;
    if (a >= 0) printf(" %%d@%%d", (int)(p - arenas[a]), a); else printf(" t%%d", *(const int *)s->at[k].table);
  }
  printf("\\n");
  return TM_OK;
}
%(functions)s
static const tm_step_fn functions[] = {%(function_names)s};
static const tm_steps all = {code, parts, tables, functions, %(unit)d, %(arena_bits)d};
int main(void) {
  for (uint32_t k = 1; k < %(arenas)d; ++k) tm_arena_set(arenas[0], k, arenas[k]);
  for (now = 0; now < %(steps)d; ++now) if (tm_step_run(&all, arenas[0], now) != TM_OK) return 1;
  return 0;
}
"""


def run(table: StepTable, these: list[tuple[str, Record]], arenas: int, folder: Path) -> str:
    numbers = {name: int(name[1:]) for name in table.functions}
    source = PROGRAM % {
        "tables": "\n".join(f"static const int t{k} = {k};" for k in range(9)),
        "parts": " ".join(table.parts) or "0",
        "code": " ".join(line for lines in table.code for line in lines),
        "names": "".join(f"&{t}, " for t in table.tables),
        "sizes": ", ".join(f"{{{len(spread(r.words))}, {len(r.pointers)}}}" for _, r in these),
        "functions": "\n".join(f"static tm_status {f}(tm_step *s) {{ return show(s, {k}); }}" for f, k in numbers.items()),
        "function_names": ", ".join(table.functions),
        "unit": table.unit, "arena_bits": table.arena_bits, "arenas": arenas, "steps": len(these),
    }  # fmt: skip
    (folder / "t.c").write_text(source)
    runtime = REPO / "runtime_c"
    files = [folder / "t.c", runtime / "src" / "step_run.c", runtime / "src" / "step_read.c"]
    flags = [
        "-std=c99",
        "-g",
        "-fsanitize=address,undefined",
        "-fno-sanitize-recover=all",
        "-Wno-unused-variable",
        f"-I{runtime / 'include'}",
    ]
    subprocess.run(["cc", *flags, *files, "-o", folder / "t"], check=True, timeout=120)
    return subprocess.run([folder / "t"], check=True, timeout=60, capture_output=True, text=True).stdout


@pytest.mark.parametrize(("number", "functions", "arenas"), [(1, 1, 1), (12, 5, 1), (150, 13, 1), (80, 70, 2), (60, 31, 3), (60, 32, 1)])
def test_the_runtime_reads_what_the_generator_writes(number: int, functions: int, arenas: int, tmp_path: Path) -> None:
    these = steps(random.Random(number), number, functions, arenas)
    table = step_table(these, arenas)
    expected = ""
    for name, r in these:
        places = [p if isinstance(p, str) else f"{p.offset}@{p.arena}" for p in r.pointers]
        expected += " ".join([f"{name}:", *map(str, spread(r.words)), *places]) + "\n"
    assert run(table, these, arenas, tmp_path) == expected


def test_what_recurs_is_written_once() -> None:
    coded = compress([(28, 28, 240, DENSE, *BLOCK)] * 20)
    assert sum(map(len, coded.sequences)) <= 60 and len(coded.parts) < 25
    assert not compress([(k, 1000 + k) for k in range(40)]).parts, "nothing recurs"


def test_parts_are_no_deeper_than_the_runtime_goes() -> None:
    rng = random.Random(5)
    coded = compress([sentence(rng) * 2 for _ in range(300)])
    count = coded.parts[0]
    bodies = [
        coded.parts[start + 1 : end] for start, end in zip(coded.parts[:count], [*coded.parts[1:count], len(coded.parts)], strict=True)
    ]

    def depth(data: bytes) -> int:
        found, k = 0, 0
        while k < len(data):
            if PART <= data[k] < 255:
                found = max(found, 1 + depth(bodies[data[k] - PART]))
            k += 1 if data[k] < 128 or data[k] > 208 else 2 if data[k] < 192 else 3 if data[k] < 208 else 5
        return found

    assert 1 < max(map(depth, coded.sequences)) <= MOST_DEPTH and len(coded.parts) <= 256
