"""Builds generated models, many in one native executable, under AddressSanitizer and UndefinedBehaviorSanitizer."""

from __future__ import annotations

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tinyml.emit.project import emit_project
from tinyml.plan.model import Plan

HERE = Path(__file__).parent
WARNINGS = (
    "-std=c99 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wcast-qual -Wmissing-prototypes -Werror"
).split()  # fmt: skip
SANITIZE = "-g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer".split()
RED_ZONE = 64


def spread(plan: Plan) -> Plan:
    """The same plan with every buffer apart from all others in its arena, so that poisoning the gaps isolates each one."""
    offsets, at = {}, [RED_ZONE + plan.header_bytes, *(RED_ZONE for _ in plan.further)]
    for b in plan.schedule.buffers:
        k = plan.arena_of.get(b.id, 0)
        offsets[b.id] = at[k]
        at[k] += (b.size_bytes + 7) // 8 * 8 + RED_ZONE
    further = tuple(replace(a, size_bytes=size) for a, size in zip(plan.further, at[1:], strict=True))
    return replace(plan, offsets=offsets, arena_bytes=at[0], further=further)


@dataclass(frozen=True)
class CaseProgram:
    """A native program holding several models by name."""

    path: Path

    def run(self, name: str, inputs: list[np.ndarray], like: list[np.ndarray]) -> list[np.ndarray]:
        """Outputs of one inference, with the shapes and dtypes of `like`. Raises AssertionError with the sanitizer's report."""
        fed = b"".join(np.ascontiguousarray(x).tobytes() for x in inputs)
        env = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0", "UBSAN_OPTIONS": "print_stacktrace=1"}
        p = subprocess.run([self.path, name], input=fed, capture_output=True, env=env, timeout=60, check=False)
        assert p.returncode == 0, f"exit {p.returncode}: {p.stderr.decode(errors='replace')[:4000]}"
        assert len(p.stdout) == sum(x.nbytes for x in like)
        out, at = [], 0
        for x in like:
            out.append(np.frombuffer(p.stdout, x.dtype, x.size, at).reshape(x.shape))
            at += x.nbytes
        return out


def _compile(args: list[str], cwd: Path) -> None:
    p = subprocess.run(args, cwd=cwd, capture_output=True, text=True, timeout=300, check=False)
    assert p.returncode == 0, f"{' '.join(args)}\n{p.stderr[:4000]}"


def build_cases(plans: dict[str, Plan], folder: Path) -> CaseProgram:
    """One program with all `plans` (name -> plan, already spread). Kernels are compiled once."""
    sources: dict[str, str] = {}
    rows, headers = [], []
    for name, plan in plans.items():
        project = emit_project(plan, b"", name)
        prefix = f"{project.model_dir}/src/"
        sources.update({path.removeprefix(prefix): text for path, text in project.files.items() if path.startswith(prefix)})
        places = ((*plan.buffer_place(b.id), b.size_bytes) for b in plan.schedule.buffers)
        spans = ", ".join(f"{{{arena}, {offset}, {size}}}" for arena, offset, size in places)
        headers.append(f'#include "{project.prefix}.h"\nstatic const size_t {project.prefix}_buffers[][3] = {{{spans}}};')
        count = len(plan.schedule.buffers)
        rows.append(f'  {{"{name}", &{project.prefix}_model, {project.prefix}_buffers, {count}}},')
    table = "typedef struct { const char *name; const tm_model *model; const size_t (*buffer)[3]; size_t buffers; } one_case;"
    sources["cases.h"] = "\n".join([*headers, table, "static const one_case cases[] = {", *rows, "};", ""])
    sources["case_driver.c"] = (HERE / "c" / "case_driver.c").read_text()
    for path, text in sources.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    units = [s for s in sources if s.endswith(".c")]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda s: _compile(["cc", *WARNINGS, *SANITIZE, "-I.", "-c", s, "-o", s[:-2] + ".o"], folder), units))
    objects = [s[:-2] + ".o" for s in units]
    _compile(["cc", *SANITIZE, *objects, "-lm", "-o", "cases"], folder)
    return CaseProgram(folder / "cases")
