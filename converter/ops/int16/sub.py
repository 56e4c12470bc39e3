"""SUB of int16 values, see _sum.py."""

from __future__ import annotations

from tinyml.ops import sub
from tinyml.ops.int16._sum import sum_support

SUPPORT = sum_support(sub.SPEC, -1)
