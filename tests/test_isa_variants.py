"""Kernel variants for an instruction set, on the emulated core that has it: every case whose lowering picks another kernel
there than on a plain core runs under QEMU, dense and strided, and must equal the operator's reference bit for bit."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tflite_writer import random_inputs, write_case
from tinyml.importers import import_model
from tinyml.ir import NodeView, Tensor, hwc
from tinyml.opspec import Geom, KernelCall, Lowering, OpSpec, Ref, Table, load_ops

ROOT = Path(__file__).resolve().parents[1]
# instruction set -> compiler, its flags, emulated machine
TARGETS = {"dsp": ("arm-none-eabi-gcc", ("-mcpu=cortex-m4", "-mthumb"), ("qemu-system-arm", "-M", "mps2-an386"))}
CTYPE = {"int8": "int8_t", "int32": "int32_t", "float32": "float"}

START = """
static void quit(uint32_t code) {
  const uint32_t block[2] = {0x20026u, code}; /* ADP_Stopped_ApplicationExit */
  register uint32_t r0 __asm__("r0") = 0x20u; /* SYS_EXIT_EXTENDED */
  register const uint32_t *r1 __asm__("r1") = block;
  __asm__ volatile("bkpt 0xab" : : "r"(r0), "r"(r1) : "memory");
}
void fault(void) { quit(255); }
void reset(void);
__attribute__((section(".vectors"), used)) void (*const vectors[16])(void) = {
  (void (*)(void))0x20400000, reset, fault, fault, fault, fault, fault};
"""
SCRIPT = """
SECTIONS {
  .text 0x0 : { KEEP(*(.vectors)) *(.text*) *(.rodata*) *(.tm*) }
  .bss 0x20000000 (NOLOAD) : { *(.bss*) *(COMMON) }
}
"""


def _array(data: np.ndarray) -> str:
    values = ", ".join(repr(v) for v in data.reshape(-1).tolist())
    return f"(const {CTYPE[data.dtype.name]}[]){{{values}}}"


def _value(v: object) -> str:
    if isinstance(v, Geom):
        return f"{{{v.h}, {v.w}, {v.c}, {v.row_stride}, {v.px_stride}, 0, 0}}"
    return _array(v.data) if isinstance(v, Table) else repr(v)


def _laid_out(values: np.ndarray, g: Geom, fill: int) -> np.ndarray:
    """`values` in memory as `g` says, `fill` in the gaps."""
    flat = np.full((g.h - 1) * g.row_stride + (g.w - 1) * g.px_stride + g.c, fill, values.dtype)
    step = flat.itemsize
    view = np.lib.stride_tricks.as_strided(flat, (g.h, g.w, g.c), (g.row_stride * step, g.px_stride * step, step))
    view[:] = values.reshape(g.h, g.w, g.c)
    return flat


def _geom(t: Tensor, strided: bool) -> Geom:
    h, w, c = hwc(t.shape)
    return Geom(h, w, c, w * (c + 3) + 5, c + 3) if strided else Geom.dense(h, w, c)


def _check(call: KernelCall, n: NodeView, low: Lowering, x: np.ndarray, y: np.ndarray, code: int) -> str:
    """A C block that runs the call and leaves with exit code `code` unless the memory around and in y is as expected."""
    expected = _laid_out(y, low.geom(n.y), 77)
    args = []
    for a in call.args:
        if isinstance(a, Ref):
            args.append("y" if a.tensor == n.y.id else _array(_laid_out(x, low.geom(n.x), -99)))
        else:
            args.append("NULL" if a is None else _value(a))
    fields = ", ".join(_value(v) for _, v in call.params)
    return f"""{{
      static int8_t y[{expected.size}];
      for (uint32_t k = 0; k < sizeof y; ++k) {{ y[k] = 77; }}
      static const int8_t expected[] = {{{", ".join(map(str, expected.tolist()))}}};
      const {call.struct} p = {{{fields}}};
      if ({call.func}(&p, {", ".join(args)}) != TM_OK) {{ quit({code}); }}
      for (uint32_t k = 0; k < sizeof y; ++k) {{ if (y[k] != expected[k]) {{ quit({code}); }} }}
    }}"""


def _variant_checks(spec: OpSpec, isa: str) -> list[tuple[str, KernelCall, str]]:
    """(case name, call, C block) for each case and layout with a kernel of its own on `isa`."""
    out: list[tuple[str, KernelCall, str]] = []
    for case in spec.cases():
        data = write_case(spec, case)
        graph = import_model(data, case.name)
        n = graph.view(graph.nodes[0])
        for strided in (False, True) if spec.strided else (False,):
            geoms = {t.id: _geom(t, strided) for t in (*n.inputs, *n.outputs) if t is not None}
            low = Lowering(geoms, frozenset({isa}))
            call, plain = spec.lower(n, low)[0], spec.lower(n, Lowering(geoms))[0]
            if call.func != plain.func:
                fed = dict(zip(graph.inputs, random_inputs(case, 0), strict=True))
                arrays = tuple(None if t is None else fed.get(t.id, t.data) for t in n.inputs)
                (y,) = spec.reference(n, arrays)
                block = _check(call, n, low, fed[n.x.id], y, len(out) + 1)
                out.append((f"{spec.name} {case.name}{' strided' if strided else ''}", call, block))
    return out


@pytest.mark.parametrize("isa", TARGETS)
def test_variants_equal_the_reference(isa: str, tmp_path: Path) -> None:
    compiler, cpu, machine = TARGETS[isa]
    if not (shutil.which(compiler) and shutil.which(machine[0])):
        pytest.skip(f"no {compiler} or no {machine[0]}")
    variants = {s.name: v for s in load_ops().values() if (v := _variant_checks(s, isa))}
    assert variants, "no operator has a kernel of its own"
    for op, checks in variants.items():
        headers = sorted({c.header for _, c, _ in checks})
        includes = "".join(f'#include "tm/{h}.h"\n' for h in headers)
        body = "\n".join(block for _, _, block in checks)
        (tmp_path / f"{op}.c").write_text(f"{includes}{START}\nvoid reset(void) {{\n{body}\nquit(0);\n}}\n")
        (tmp_path / "link.ld").write_text(SCRIPT)
        kernels = sorted({str(ROOT / "runtime_c" / "src" / f"{c.func.removeprefix('tm_')}.c") for _, c, _ in checks})
        subprocess.run(
            [compiler, *cpu, "-std=gnu99", "-O2", "-Wall", "-Werror", f"-I{ROOT / 'runtime_c' / 'include'}", "-nostartfiles",
             "-Wl,-T," + str(tmp_path / "link.ld"), str(tmp_path / f"{op}.c"), *kernels, "-o", str(tmp_path / f"{op}.elf")],
            check=True, timeout=120,
        )  # fmt: skip
        run = subprocess.run(
            [*machine, "-display", "none", "-serial", "none", "-monitor", "none", "-semihosting", "-kernel", str(tmp_path / f"{op}.elf")],
            timeout=60, check=False, capture_output=True, text=True,
        )  # fmt: skip
        assert run.returncode != 255, f"{op}: the core faulted"
        assert run.returncode == 0, f"{checks[run.returncode - 1][0]}: {run.stderr[-500:]}"
