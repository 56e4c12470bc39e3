"""Arm Cortex-M7: dual issue, approximated. Arm publishes no timings; the rules below are of the pipeline's description in the
Technical Reference Manual (Arm DDI 0489) and of published measurements (quinapalus.com, "Cortex-M7 instruction cycle counts")."""

from collections.abc import Sequence

from tinyml.cycles.model import LEAVES, Core, Insn, Kind
from tinyml.cycles.thumb import decode

_MULTIPLIES = (Kind.MULTIPLY, Kind.DSP, Kind.LONG)
_ALONE = {Kind.DIVIDE: 7.0, Kind.FLOAT_DIVIDE: 14.0, Kind.SYSTEM: 2.0, Kind.TABLE: 2.0}
_FLOATS = (Kind.FLOAT, Kind.FLOAT_MAC)
_REFILL = 1.0  # branches that were predicted; loops are


def _together(a: Insn, b: Insn) -> bool:
    """Whether two neighbours are issued in one cycle: one multiply, one store, one float operation, one branch at most."""
    for kinds in (_MULTIPLIES, (Kind.STORE,), _FLOATS, (Kind.BRANCH_IF, *LEAVES)):
        if a.kind in kinds and b.kind in kinds:
            return False
    return True


def _fixed(block: Sequence[Insn]) -> float:
    cycles, before = 0.0, None
    for i in block:
        if i.kind in (Kind.LOADS, Kind.STORES):
            cycles, before = cycles + 1 + (i.n / 2 if i.kind is Kind.LOADS else i.n), None
        elif i.kind in _ALONE:
            cycles, before = cycles + _ALONE[i.kind], None
        elif before is not None and _together(before, i):
            before = None
        else:
            cycles, before = cycles + 1, i
    return cycles


def _leaving(last: Insn) -> float:
    return _REFILL if last.kind is Kind.BRANCH_IF or last.kind in LEAVES or last.leaves else 0.0


CORE = Core(
    "an approximation of the Cortex-M7: neighbours are issued in pairs but for two multiplies, stores or branches, registers are not "
    "followed, branches are predicted, caches hit",
    decode,
    _fixed,
    _leaving,
    fetch_stalls=False,  # behind the instruction cache or the flash accelerator
)
