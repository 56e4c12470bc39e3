"""How a firmware is compiled and linked: the one source of these flags, whoever runs the compiler.

`tinyml build` hands them to the cross compiler, and writes them into the project's platformio.ini.
"""

from __future__ import annotations

from collections.abc import Iterable

from tinyml.board import Board
from tinyml.opspec import KernelCall

BASE = ("-std=c99", "-g0", "-ffunction-sections", "-fdata-sections", "-ffp-contract=off", "-fno-strict-aliasing", "-Wall", "-Wextra")
OPTIMIZE = "-Os"
NUMERICS = ("-ffp-contract=off", "-fno-strict-aliasing")  # of BASE, what also a framework's build must have
# Flags of a compiler's version or C library, not of the CPU: another vendor's gcc may not know them. Each with what comes in
# its place there, in order; nothing where the list ends.
PORTABLE = {"-specs=picolibc.specs": ("--specs=nano.specs",), "--specs=nano.specs": (), "-misa-spec=2.2": ()}


def compile_flags(board: Board, optimize: str = OPTIMIZE, defines: tuple[str, ...] = ()) -> tuple[str, ...]:
    """For every C and assembler source of a firmware."""
    return (*board.toolchain.flags, optimize, *BASE, *(f"-D{d}" for d in (*board_defines(board), *defines)))


def framework_flags(board: Board, defines: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Where a framework starts the board: it brings start-up, C library and flags for the CPU."""
    return (*NUMERICS, *(f"-D{d}" for d in (*board_defines(board), *defines)))


def board_defines(board: Board) -> tuple[str, ...]:
    """What runner and port want to know of their board."""
    out = (f'TM_BOARD_NAME="{board.name}"', f"TM_RUNNER_PAYLOAD={board.firmware.payload_bytes}")
    return (*out, f"TM_BAUD={board.console.baud}u") if board.console.baud else out


def runner_defines(optimize: str, pushed: bool) -> tuple[str, ...]:
    """What a firmware's runner leaves out (tm/runner.h) for the sake of a goal (plan.planner.Goal.optimize), and where no rows are
    pushed into the network."""
    return (*(() if pushed else ("TM_RUNNER_PUSH=0",)), *(("TM_RUNNER_TEXT=0",) if optimize == "flash" else ()))


def part_defines(calls: Iterable[KernelCall]) -> tuple[str, ...]:
    """Leaves out the parts of kernels' files that none of a network's calls needs."""
    needed: dict[str, bool] = {}
    for call in calls:
        for name, needs in call.parts:
            needed[name] = needs or needed.get(name, False)
    return tuple(f"{name}=0" for name, needs in sorted(needed.items()) if not needs)


def link_flags(board: Board) -> tuple[str, ...]:
    """Without the linker script, the map's name and the compile flags."""
    bare = () if board.is_host else ("-nostartfiles", "-static", "-Wl,--fatal-warnings")
    return (*board.toolchain.link_flags, *bare, "-Wl,--gc-sections")


def alternatives(flag: str) -> tuple[str, ...] | None:
    """What may stand in for `flag` where the compiler does not know it; None for a flag that must be known."""
    return (flag, *PORTABLE[flag]) if flag in PORTABLE else None
