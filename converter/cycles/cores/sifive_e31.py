"""SiFive E31 (FE310): core manual, chapter "Execution Pipeline"."""

from tinyml.cycles.model import Core, InOrder, Kind
from tinyml.cycles.riscv import decode

# A load's result is there after 2 cycles, of a byte or half-word after 3, a product after 5; compilers and our kernels put other work
# in between, so a load is taken as 1. The multiplier takes one product at a time, 8 bits per cycle: 4 cycles. Divides
# take 2 to 33: taken as 18. Branches are predicted (1 cycle); jumps through registers beyond the return stack are not (3 more).
_TIMES = InOrder({Kind.MULTIPLY: 4, Kind.LONG: 4, Kind.DIVIDE: 18, Kind.SYSTEM: 3}, refill=0.5)

CORE = Core(
    "SiFive's latencies for the E31: products 4 cycles, one at a time; loads 1, as their latency is mostly hidden; caches hit",
    decode,
    _TIMES.fixed,
    _TIMES.leaving,
    fetch_stalls=False,
)
