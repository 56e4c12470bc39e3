"""Cycles of a core, estimated from how often each block of instructions ran under emulation.

Exact counts come from the emulator (device/counting.py); what an instruction costs, from tables with their sources, one file per
core in `cores/`. An estimate knows nothing of caches and buses and is labelled as one wherever it is printed.
"""

from tinyml.cycles.estimate import Estimate, StepEstimate, estimate, load_core

__all__ = ["Estimate", "StepEstimate", "estimate", "load_core"]
