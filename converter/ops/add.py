"""ADD: y = clamp(a + b), broadcasting. Kernels: tm/add.h; a constant int8 scalar: tm/lut.h. Numerics: _sum.py."""

from tinyml.ops import _binary, _sum

SPEC = _binary.binary_spec(
    "ADD",
    "AddOptions",
    "a + b with broadcasting and a fused clamp",
    compute=lambda n, a, b: _sum.compute(n, a, b, 1),
    check_scales=lambda n: _sum.scales(n, 1),
    lower_op=lambda n, low: _sum.lower(n, low, 1),
    scales=_sum.sensible_scale,
    packs=True,
)
