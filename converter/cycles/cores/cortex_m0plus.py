"""Arm Cortex-M0+: Technical Reference Manual (Arm DDI 0484), table of instruction timings, with the single-cycle multiplier."""

from tinyml.cycles.model import Core, InOrder, Kind
from tinyml.cycles.thumb import decode

# Branches take 2 cycles when taken, BL 3; a POP of the program counter 3 + n.
_TIMES = InOrder(
    {Kind.LOAD: 2, Kind.STORE: 2, Kind.LOADS: 1, Kind.STORES: 1, Kind.SYSTEM: 3},
    refill=1, refills={Kind.LOADS: 2},
)  # fmt: skip

CORE = Core("Arm's instruction timings for the Cortex-M0+ with its fast multiplier", decode, _TIMES.fixed, _TIMES.leaving)
