"""LOGISTIC of int16 values, output scale 1/32768. Numerics: _sigmoid.py."""

from __future__ import annotations

from tinyml.ops import logistic
from tinyml.ops.int16 import _sigmoid

SUPPORT = _sigmoid.sigmoid_support(logistic.SPEC, 9, 0)
