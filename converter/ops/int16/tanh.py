"""TANH of int16 values, output scale 1/32768. Numerics: _sigmoid.py."""

from __future__ import annotations

from tinyml.ops import tanh
from tinyml.ops.int16 import _sigmoid

SUPPORT = _sigmoid.sigmoid_support(tanh.SPEC, 8, 1)
