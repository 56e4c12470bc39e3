"""Hostile model files whose structure is right and whose numbers or names are not: attributes, quantisation, names."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hostile import conv_net, edited, field, model_of, patched, refusal
from tflite_writer import ModelBuilder
from tinyml.errors import InvalidModel, Unsupported
from tinyml.importers import import_model

GOOD = conv_net().build([0], [4])

# ---------------------------------------------------------------- attributes


@pytest.mark.parametrize("name", ["StrideH", "StrideW", "DilationHFactor", "DilationWFactor"])
@pytest.mark.parametrize("value", [0, -1, -(1 << 31)])
def test_stride_and_dilation(name: str, value: int) -> None:
    def edit(m: ModelBuilder) -> None:
        m.operators[0].options[name] = value

    assert "operator 0 CONV_2D: " in refusal(edited(edit))


def test_padding_kind() -> None:
    def edit(m: ModelBuilder) -> None:
        m.operators[0].options["Padding"] = 2

    assert "operator 0 CONV_2D: padding 2" in refusal(edited(edit))


def test_options_of_another_operator() -> None:
    def edit(m: ModelBuilder) -> None:
        m.operators[0].table, m.operators[0].options = "Pool2DOptions", {}

    assert "operator 0 CONV_2D: options: a table Pool2DOptions, not Conv2DOptions" in refusal(edited(edit))


def test_options_table_past_the_end() -> None:
    at = field(model_of(GOOD).Subgraphs(0).Operators(0), 4)
    assert "operator 0 CONV_2D: options: " in refusal(patched(GOOD, at, 0x7FFFFFF0))


def one_operator(name: str, inputs: list, outputs: list[tuple[int, ...]], options: dict) -> bytes:
    """A network of one int8 operator; `inputs` are shapes of activations, or int32 constants."""
    m = ModelBuilder()
    ins = [m.const(i) if isinstance(i, np.ndarray) else m.tensor(i, scale=0.5) for i in inputs]
    outs = [m.tensor(s, scale=0.5) for s in outputs]
    m.op(name, ins, outs, options)
    return m.build([t for t in ins if m.tensors[t].data is None], outs)


X = (1, 4, 4, 2)
I32 = lambda *v: np.array(v, np.int32)  # noqa: E731
BAD_ATTRIBUTES = {
    "pool_stride_0": ("MAX_POOL_2D", [X], [X], {"StrideH": 0, "StrideW": 1, "FilterHeight": 1, "FilterWidth": 1}),
    "pool_filter_0": ("AVERAGE_POOL_2D", [X], [X], {"StrideH": 1, "StrideW": 1, "FilterHeight": 0, "FilterWidth": 1}),
    "depthwise_multiplier": (
        "DEPTHWISE_CONV_2D",
        [X, (1, 1, 1, 3)],
        [(1, 4, 4, 3)],
        {"StrideH": 1, "StrideW": 1, "DepthMultiplier": 0},
    ),
    "split_count_0": ("SPLIT", [I32(3).reshape(()), X], [X], {"NumSplits": 0}),
    "split_count_not_a_divisor": ("SPLIT", [I32(3).reshape(()), X], [X, X, X], {"NumSplits": 3}),
    "split_axis": ("SPLIT", [I32(4).reshape(()), X], [X], {"NumSplits": 1}),
    "concat_axis": ("CONCATENATION", [X, X], [(1, 4, 4, 4)], {"Axis": 4}),
    "concat_axis_negative": ("CONCATENATION", [X, X], [(1, 4, 4, 4)], {"Axis": -5}),
    "mean_axis": ("MEAN", [X, I32(1, 7)], [(1, 2)], {"KeepDims": False}),
    "transpose_not_a_permutation": ("TRANSPOSE", [X, I32(0, 1, 1, 3)], [X], {}),
    "transpose_axis": ("TRANSPOSE", [X, I32(0, 1, 2, 9)], [X], {}),
    "pad_negative": ("PAD", [X, I32(0, 0, -1, 0, 0, 0, 0, 0).reshape(4, 2)], [(1, 3, 4, 2)], {}),
    "pad_shape": ("PAD", [X, I32(0, 0, 1, 1).reshape(2, 2)], [X], {}),
    "reshape_product": ("RESHAPE", [X, I32(1, 31)], [(1, 31)], {}),
    "squeeze_axis": ("SQUEEZE", [X], [X], {"SqueezeDims": [9]}),
    "squeeze_of_an_extent_above_1": ("SQUEEZE", [X], [(1, 4, 2)], {"SqueezeDims": [1]}),
    "expand_dims_axis": ("EXPAND_DIMS", [X, I32(9).reshape(())], [(1, 1, 4, 4, 2)], {}),
    "slice_begin": ("SLICE", [X, I32(0, 9, 0, 0), I32(1, 1, 4, 2)], [(1, 1, 4, 2)], {}),
    "slice_size": ("SLICE", [X, I32(0, 0, 0, 0), I32(1, 5, 4, 2)], [(1, 5, 4, 2)], {}),
    "strided_slice_stride_0": ("STRIDED_SLICE", [X, I32(0, 0, 0, 0), I32(1, 4, 4, 2), I32(1, 0, 1, 1)], [X], {}),
    "resize_to_0": ("RESIZE_NEAREST_NEIGHBOR", [X, I32(0, 4)], [X], {}),
    "resize_bilinear_negative": ("RESIZE_BILINEAR", [X, I32(-2, 4)], [X], {}),
    "add_does_not_broadcast": ("ADD", [X, (1, 3, 4, 2)], [X], {}),
}


@pytest.mark.parametrize("case", BAD_ATTRIBUTES.values(), ids=BAD_ATTRIBUTES)
def test_attributes_of_the_operators(case: tuple) -> None:
    line = refusal(one_operator(*case))
    assert f"operator 0 {case[0]}: " in line


# ---------------------------------------------------------------- quantisation


@pytest.mark.parametrize("scale", [0.0, -0.5, math.nan, math.inf, -math.inf, 1e-42])
@pytest.mark.parametrize("tensor", [0, 1, 2, 3])
def test_scales(tensor: int, scale: float) -> None:
    def edit(m: ModelBuilder) -> None:
        t = m.tensors[tensor]
        t.scales = (*t.scales[:-1], scale)

    line = refusal(edited(edit))
    assert f"tensor {tensor} '" in line and "scale" in line


@pytest.mark.parametrize(("tensor", "zero_point"), [(0, 128), (0, -129), (1, 1 << 40), (2, 1 << 31), (3, -(1 << 63))])
def test_zero_points(tensor: int, zero_point: int) -> None:
    def edit(m: ModelBuilder) -> None:
        t = m.tensors[tensor]
        t.zero_points = (*t.zero_points[:-1], zero_point)

    line = refusal(edited(edit))
    assert f"tensor {tensor} '" in line and f"zero point {zero_point} is outside" in line


@pytest.mark.parametrize("count", [2, 3, 5, 4096])
def test_number_of_scales(count: int) -> None:
    def edit(m: ModelBuilder) -> None:
        m.tensors[1].scales, m.tensors[1].zero_points = (0.1,) * count, (0,) * count

    assert f"tensor 1 'weights': {count} scales for dimension 0 of size 4" in refusal(edited(edit))


def test_number_of_zero_points() -> None:
    def edit(m: ModelBuilder) -> None:
        m.tensors[1].zero_points = (0, 0)

    assert "tensor 1 'weights': 2 zero points for 4 scales" in refusal(edited(edit))


@pytest.mark.parametrize("axis", [4, -1, 1 << 30])
def test_quantised_dimension(axis: int) -> None:
    def edit(m: ModelBuilder) -> None:
        m.tensors[1].axis = axis

    assert f"tensor 1 'weights': quantised dimension {axis} is outside rank 4" in refusal(edited(edit))


# ---------------------------------------------------------------- names

NAMES = [
    b"*/ int main(void){return 1;} /*",
    b'"\n#include "/etc/passwd"\n',
    b"../../../../etc/passwd",
    b"\x1b[2J\x1b]0;owned\x07",
    b"\xff\xfe\x00\x80",
    "\u202egnp.exe".encode(),
    b"a" * 100_000,
    b"??/\n\\",
    b"",
]


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_names(name: bytes) -> None:
    def rename(m: ModelBuilder) -> None:
        m.tensors[0].name = name

    def rename_and_break(m: ModelBuilder) -> None:
        rename(m)
        m.tensors[0].scales = (0.0,)

    kept = import_model(edited(rename), "m.tflite").tensors[0].name
    assert len(kept) <= 80 and all(" " <= c <= "~" for c in kept)
    assert len(refusal(edited(rename_and_break))) < 400


def test_file_name() -> None:
    with pytest.raises(InvalidModel) as caught:
        import_model(b"", "\x1b[2J\n.tflite")
    assert caught.value.line().isprintable()


def test_custom_operator_name() -> None:
    m = conv_net()
    m.operators[1].name = "CUSTOM:\x1b[2J\nevil"
    line = refusal(m.build([0], [4]), Unsupported)
    assert "custom operator '\\x1b[2J\\nevil'" in line
