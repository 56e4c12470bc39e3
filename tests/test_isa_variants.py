"""Kernel variants on the emulated core that has their instruction set: bit for bit the operator's reference, see
variant_checks.py for what is compared."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tinyml.variants import Variant, load_variants
from variant_checks import Check, checks

ROOT = Path(__file__).resolve().parents[1]
PER_PROGRAM = 200
# instruction sets -> compiler, its flags, emulated machine; a variant runs on the first that has all of its features
TARGETS = {
    frozenset({"dsp"}): ("arm-none-eabi-gcc", ("-mcpu=cortex-m4", "-mthumb"), ("qemu-system-arm", "-M", "mps2-an386")),
    frozenset({"thumb"}): ("arm-none-eabi-gcc", ("-mcpu=cortex-m0plus", "-mthumb"), ("qemu-system-arm", "-M", "mps2-an385")),
    frozenset({"dsp", "mve"}): (
        "arm-none-eabi-gcc", ("-mcpu=cortex-m55", "-mthumb", "-mfloat-abi=hard"), ("qemu-system-arm", "-M", "mps3-an547"),
    ),
    frozenset({"rv32im", "rv32imc"}): (
        "riscv64-unknown-elf-gcc", ("-misa-spec=2.2", "-march=rv32imc", "-mabi=ilp32", "-mcmodel=medany", "-specs=picolibc.specs"),
        ("qemu-system-riscv32", "-M", "virt", "-bios", "none"),
    ),
}  # fmt: skip
VARIANTS = [v for found in load_variants().values() for v in found if not (v.packed or v.wide)]  # the others: test_packed_cores.py, test_int16.py

TRAP = {
    "arm": """
static uint32_t semihosting(uint32_t what, const void *block) {
  register uint32_t r0 __asm__("r0") = what;
  register const void *r1 __asm__("r1") = block;
  __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
}
""",
    "riscv64": """
static __attribute__((noinline)) uint32_t semihosting(uint32_t what, const void *block) {
  register uint32_t a0 __asm__("a0") = what;
  register const void *a1 __asm__("a1") = block;
  __asm__ volatile(".balign 16\\n.option push\\n.option norvc\\nslli x0, x0, 0x1f\\nebreak\\nsrai x0, x0, 7\\n.option pop"
                   : "+r"(a0) : "r"(a1) : "memory");
  return a0;
}
""",
}
REPORT = """
static void quit(uint32_t code) {
  const uint32_t block[2] = {0x20026u, code}; /* ADP_Stopped_ApplicationExit */
  semihosting(0x20u, block);                  /* SYS_EXIT_EXTENDED */
  for (;;) {
  }
}
static void fail(uint32_t number) {
  char text[12], *at = text + sizeof text - 1;
  *at = 0;
  do {
    *--at = (char)('0' + number % 10u);
  } while (number /= 10u);
  semihosting(0x04u, at); /* SYS_WRITE0 */
  quit(1);
}
void fault(void) { quit(255); }
void reset(void);
"""
VECTORS = {
    "arm": """
__attribute__((section(".vectors"), used)) void (*const vectors[16])(void) = {
  (void (*)(void))TOP_OF_STACK, reset, fault, fault, fault, fault, fault};
""",
    "riscv64": """
static uint64_t stack[2048] __attribute__((used));
__attribute__((section(".vectors"), used, naked)) void start(void) {
  __asm__ volatile("la sp, stack + 16384\\nla t0, 1f\\ncsrw mtvec, t0\\ntail reset\\n.balign 4\\n1: tail fault");
}
""",
}
# initialised data is loaded where it lies
SCRIPT = """
SECTIONS {
  .text %s : { KEEP(*(.vectors)) *(.text*) *(.rodata*) *(.srodata*) *(.tm*) }
  .data %s : { *(.data*) *(.sdata*) *(.bss*) *(.sbss*) *(COMMON) }
}
"""
# of code and data; on Arm also the end of the data's memory
ADDRESSES = {
    "mps2-an385": ("0x0", "0x20000000", "0x20400000"),
    "mps2-an386": ("0x0", "0x20000000", "0x20400000"),
    "mps2-an500": ("0x0", "0x20000000", "0x20400000"),
    "mps3-an547": ("0x0", "0x21000000", "0x21400000"),
    "virt": ("0x80000000", "0x84000000"),
}
START = {
    # CPACR: before the first instruction of the vector extension
    "arm": '*(volatile uint32_t *)0xE000ED88u |= 0xFu << 20; __asm__ volatile("dsb\\n isb" ::: "memory");',
    "riscv64": "",
}


def program(parts: list[Check], core: str) -> str:
    includes = "".join(f'#include "tm/{h}.h"\n' for h in sorted({c.call.header for c in parts}))
    functions = "\n".join(f"static void check_{k}(void) {c.body}" for k, c in enumerate(parts))
    calls = " ".join(f"check_{k}();" for k in range(len(parts)))
    run = f"static __attribute__((noinline)) void run(void) {{ {calls} }}"
    return f"{includes}{TRAP[core]}{REPORT}{VECTORS[core]}\n{functions}\n{run}\nvoid reset(void) {{ {START[core]} run(); quit(0); }}\n"


def _compile(compiler: str, cpu: tuple[str, ...], source: Path, to: str, *flags: str) -> None:
    words = ["-std=gnu99", "-Wall", "-Werror", f"-I{ROOT / 'runtime_c' / 'include'}", *flags]
    subprocess.run([compiler, *cpu, *words, "-c", str(source), "-o", to], check=True, timeout=120)


def _kernel(compiler: str, cpu: tuple[str, ...], name: str, folder: Path) -> str:
    """The kernel's object file for this core, compiled once per folder."""
    to = folder / "-".join((name, compiler, *cpu)).replace("/", "_")
    if not to.exists():
        _compile(compiler, cpu, ROOT / "runtime_c" / "src" / f"{name}.c", f"{to}.part", "-Os")
        Path(f"{to}.part").rename(to)
    return str(to)


def run(name: str, core_of: tuple[str, tuple[str, ...], tuple[str, ...]], parts: list[Check], folder: Path) -> None:
    """core_of: as in TARGETS."""
    compiler, cpu, machine = core_of
    core = compiler.split("-")[0]
    (folder / "checks.c").write_text(program(parts, core))
    at = ADDRESSES[machine[2]]
    (folder / "link.ld").write_text(SCRIPT % at[:2])
    kernels = {f.removeprefix("tm_") for c in parts for f in (c.call.func, *c.call.uses, *c.call.loops)}
    checks = str(folder / "checks.o")
    # the checks are many and short: what an optimiser saves in running them is a fraction of what it takes
    _compile(compiler, cpu, folder / "checks.c", checks, "-O0", f"-DTOP_OF_STACK={at[-1]}")
    objects = [_kernel(compiler, cpu, k, folder) for k in sorted(kernels)]
    subprocess.run(
        [compiler, *cpu, "-nostartfiles", "-T", str(folder / "link.ld"), checks, *objects, "-o", str(folder / "checks.elf")],
        check=True, timeout=120,
    )  # fmt: skip
    done = subprocess.run(
        [*machine, "-display", "none", "-serial", "none", "-monitor", "none", "-semihosting", "-kernel", str(folder / "checks.elf")],
        timeout=60, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode != 255, f"{name}: the core faulted"
    if done.returncode:
        number = int(done.stdout + done.stderr)
        failed = next(c for c in parts if f"fail({number})" in c.body)
        raise AssertionError(f"{name}, {failed.what}, {failed.call.params}")


def target(variant: Variant) -> frozenset[str]:
    found = [isa for isa in TARGETS if variant.isa <= isa]
    assert found, f"{variant.name}: no emulated core has {set(variant.isa)}"
    return found[0]


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda v: v.name)
def test_variant_equals_the_reference(variant: Variant, tmp_path: Path) -> None:
    compiler, _, machine = TARGETS[target(variant)]
    if not (shutil.which(compiler) and shutil.which(machine[0])):
        pytest.skip(f"no {compiler} or no {machine[0]}")
    todo = checks(variant)
    assert len(todo) >= 100, "the variant applies to too few cases"
    for k in range(0, len(todo), PER_PROGRAM):
        run(variant.name, TARGETS[target(variant)], todo[k : k + PER_PROGRAM], tmp_path)


def test_every_variant_has_its_kernel_and_its_operator() -> None:
    from tinyml.opspec import load_ops

    for v in VARIANTS:
        assert (ROOT / "runtime_c" / "src" / f"{v.name}.c").exists() and v.op in load_ops() and v.isa
