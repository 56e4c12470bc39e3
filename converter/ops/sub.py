"""SUB: y = clamp(a - b), broadcasting. Kernels: int8 by tm_add_i8 with b's multiplier negated (tm/add.h), float32 in
tm/sub.h; a constant int8 scalar: tm/lut.h. Numerics: _sum.py."""

from tinyml.ops import _binary, _sum

SPEC = _binary.binary_spec(
    "SUB",
    "SubOptions",
    "a - b with broadcasting and a fused clamp",
    compute=lambda n, a, b: _sum.compute(n, a, b, -1),
    check_scales=lambda n: _sum.scales(n, -1),
    lower_op=lambda n, low: _sum.lower(n, low, -1),
    scales=_sum.sensible_scale,
    packs=True,
)
