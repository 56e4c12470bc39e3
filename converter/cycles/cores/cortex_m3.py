"""Arm Cortex-M3: Technical Reference Manual (Arm 100165), tables of instruction timings and load/store timings."""

from tinyml.cycles.model import Core, InOrder, Kind
from tinyml.cycles.thumb import decode

# As the Cortex-M4, but for multiplies with accumulation (2) and to 64 bits (3 to 7, taken as 4); MUL alone takes 1, so both
# are taken as 1.5 together.
_TIMES = InOrder(
    {
        Kind.LOAD: 2, Kind.STORE: 1, Kind.LOADS: 1, Kind.STORES: 1, Kind.MULTIPLY: 1.5, Kind.LONG: 4, Kind.DIVIDE: 7,
        Kind.TABLE: 4, Kind.SYSTEM: 2,
    },
    follows_load=1, indexed_store=1, loaded_jump=2, refill=2,
)  # fmt: skip

CORE = Core(
    "Arm's instruction timings for the Cortex-M3; taken branches 3 cycles, multiplies 1.5, to 64 bits 4, divides 7",
    decode,
    _TIMES.fixed,
    _TIMES.leaving,
)
