"""One file, made by hand, per class of hostile or broken model (references.md, section 6); each is refused in one line
that names the place."""

from __future__ import annotations

import math
import struct
import tracemalloc

import numpy as np
import pytest
import tflite
from hostile import conv_net, edited, field, model_of, patched, refusal
from tflite_writer import ModelBuilder
from tinyml.errors import InvalidModel, Unsupported
from tinyml.importers import import_model
from tinyml.ir import DType

GOOD = conv_net().build([0], [4])


def test_the_net_that_the_others_are_made_from_is_good() -> None:
    graph = import_model(GOOD, "m.tflite")
    assert [n.op for n in graph.nodes] == ["CONV_2D", "RELU"] and graph.inputs == (0,) and graph.outputs == (4,)


# ---------------------------------------------------------------- the container


@pytest.mark.parametrize("data", [b"", b"\0", GOOD[:8], GOOD[:20], GOOD[: len(GOOD) // 2], b"\0" * 64, b"TFL3" * 16])
def test_truncated_or_foreign_file(data: bytes) -> None:
    refusal(data)


def test_unknown_format_lists_the_known_ones() -> None:
    with pytest.raises(InvalidModel, match=r"\.tflite"):
        import_model(b"\x89HDF\r\n\x1a\n" * 8, "model.h5")


@pytest.mark.parametrize("offset", [0, 1, 2, len(GOOD), len(GOOD) - 2, 0x7FFFFFFC, 0xFFFFFFFC])
def test_root_offset(offset: int) -> None:
    assert "outside the file" in refusal(patched(GOOD, 0, offset)) or offset == 0


@pytest.mark.parametrize("offset", [-(1 << 31), -len(GOOD), len(GOOD), (1 << 31) - 1, 1])
def test_vtable_offset(offset: int) -> None:
    assert "vtable" in refusal(patched(GOOD, struct.unpack_from("<I", GOOD)[0], offset, "<i"))


@pytest.mark.parametrize(("at", "value"), [(0, 0xFFFE), (0, 3), (0, 0), (2, 0xFFFF), (2, 0), (4, 0xFFF0), (4, 1)])
def test_vtable_contents(at: int, value: int) -> None:
    """Its length, the table's length, the first field."""
    root = struct.unpack_from("<I", GOOD)[0]
    vtable = root - struct.unpack_from("<i", GOOD, root)[0]
    refusal(patched(GOOD, vtable + at, value, "<H"))


def test_misaligned_vector() -> None:
    model = model_of(GOOD)
    at = field(model.Subgraphs(0).Operators(0), 1)
    line = refusal(patched(GOOD, at, struct.unpack_from("<I", GOOD, at)[0] + 2))
    assert "operator 0 CONV_2D" in line and "misaligned" in line


def test_misaligned_table() -> None:
    at = field(model_of(GOOD).Subgraphs(0).Tensors(1), 4)
    line = refusal(patched(GOOD, at, struct.unpack_from("<I", GOOD, at)[0] + 1))
    assert "tensor 1 'weights'" in line and "misaligned" in line


@pytest.mark.parametrize("length", [1 << 20, (1 << 30) + 3, 0xFFFFFFFF])
@pytest.mark.parametrize(("slot", "place"), [(0, "tensor 0"), (3, "tensor 0")])
def test_vector_longer_than_the_file(slot: int, place: str, length: int) -> None:
    at = field(model_of(GOOD).Subgraphs(0).Tensors(0), slot)
    at += struct.unpack_from("<I", GOOD, at)[0]
    line = refusal(patched(GOOD, at, length))
    assert place in line and "does not fit the file" in line


def test_vector_lengths_of_the_subgraph() -> None:
    for slot in range(4):
        at = field(model_of(GOOD).Subgraphs(0), slot)
        at += struct.unpack_from("<I", GOOD, at)[0]
        refusal(patched(GOOD, at, 0xFFFFFFFF))
        if slot:
            refusal(patched(GOOD, at, 0))


def test_other_schema_versions() -> None:
    m = conv_net()
    m.version = 2
    assert "schema version 2" in refusal(m.build([0], [4]))


# ---------------------------------------------------------------- indices


@pytest.mark.parametrize("index", [5, 1 << 30, (1 << 31) - 1, -2, -(1 << 31)])
@pytest.mark.parametrize("operand", [0, 1, 2])
def test_tensor_index_of_an_input(operand: int, index: int) -> None:
    def edit(m: ModelBuilder) -> None:
        m.operators[0].inputs[operand] = index

    assert f"operator 0 CONV_2D: tensor index {index} is outside 0..4" in refusal(edited(edit))


@pytest.mark.parametrize("index", [5, -1, -2, 1 << 30])
def test_tensor_index_of_an_output(index: int) -> None:
    def edit(m: ModelBuilder) -> None:
        m.operators[0].outputs[0] = index

    assert f"operator 0 CONV_2D: tensor index {index} is outside" in refusal(edited(edit))


@pytest.mark.parametrize("operand", [0, 1])
def test_absent_operand_that_is_not_optional(operand: int) -> None:
    def edit(m: ModelBuilder) -> None:
        m.operators[0].inputs[operand] = -1

    assert f"operator 0 CONV_2D: input {operand} is absent" in refusal(edited(edit))


def test_absent_operand_that_is_optional() -> None:
    def edit(m: ModelBuilder) -> None:
        m.operators[0].inputs[2] = -1

    assert import_model(edited(edit), "m.tflite").nodes[0].inputs == (0, 1, None)


@pytest.mark.parametrize(("inputs", "outputs"), [([9], [4]), ([-1], [4]), ([0], [9]), ([0], [-1]), ([], [4]), ([0], [])])
def test_graph_inputs_and_outputs(inputs: list[int], outputs: list[int]) -> None:
    assert "graph " in refusal(conv_net().build(inputs, outputs))


@pytest.mark.parametrize("number", [3, 77, 0xFFFFFFFF])
def test_buffer_index(number: int) -> None:
    def edit(m: ModelBuilder) -> None:
        m.tensors[1].buffer = number

    line = refusal(edited(edit))
    assert "tensor 1 'weights'" in line and f"buffer index {number}" in line


@pytest.mark.parametrize("number", [2, 0xFFFFFFFF])
def test_operator_code_index(number: int) -> None:
    def edit(m: ModelBuilder) -> None:
        m.operators[1].code = number

    assert f"operator 1: operator code index {number}" in refusal(edited(edit))


def test_number_of_operands() -> None:
    def edit(m: ModelBuilder) -> None:
        m.operators[1].inputs = [3, 3, 3]

    assert "operator 1 RELU: 3 inputs" in refusal(edited(edit))


# ---------------------------------------------------------------- shapes


@pytest.mark.parametrize(
    "shape",
    [(1, 6, 6, 0), (1, -6, 6, 3), (1, 6, 6, -(1 << 31)), (1 << 16, 1 << 16, 1, 3), ((1 << 31) - 1,) * 4, (1,) * 9, (1,) * 5000],
    ids=lambda s: f"rank{len(s)}_{s[0]}_{s[-1]}",
)
@pytest.mark.parametrize("tensor", [0, 1, 3])
def test_dimensions(tensor: int, shape: tuple[int, ...]) -> None:
    def edit(m: ModelBuilder) -> None:
        m.tensors[tensor].shape = shape

    assert f"tensor {tensor} '" in refusal(edited(edit))


@pytest.mark.parametrize("shape", [(4, 3, 3, 2), (4, 3, 3, 4), (4,), ()])
def test_product_differs_from_the_buffer(shape: tuple[int, ...]) -> None:
    def edit(m: ModelBuilder) -> None:
        m.tensors[1].shape = shape
        m.tensors[1].scales, m.tensors[1].zero_points = (0.1,), (0,)

    line = refusal(edited(edit))
    assert "tensor 1 'weights': buffer of 108 bytes" in line


@pytest.mark.parametrize("tensor", [1, 3, 4])
def test_operands_that_disagree(tensor: int) -> None:
    def edit(m: ModelBuilder) -> None:
        t = m.tensors[tensor]
        t.shape = (*t.shape[:3], t.shape[3] + 1)
        t.data = None if t.data is None else bytes(math.prod(t.shape))

    assert "operator " in refusal(edited(edit))


def test_activations_beyond_any_microcontroller() -> None:
    def edit(m: ModelBuilder) -> None:
        for t in (0, 3, 4):
            m.tensors[t].shape = (1, 1 << 14, 1 << 14, m.tensors[t].shape[3])

    assert "tensors between operators take" in refusal(edited(edit))


def test_placeholder_dimension_in_the_signature_is_fine() -> None:
    def edit(m: ModelBuilder) -> None:
        m.tensors[0].signature = (-1, 6, 6, 3)

    assert import_model(edited(edit), "m.tflite").tensors[0].shape == (1, 6, 6, 3)


# ---------------------------------------------------------------- order


def test_operator_that_writes_what_it_reads() -> None:
    def edit(m: ModelBuilder) -> None:
        m.operators[1].outputs = [3]

    line = refusal(edited(edit))
    assert "operator 1 RELU: tensor 3 'mid' is both its input and its output" in line


def test_cycle_of_operators() -> None:
    def edit(m: ModelBuilder) -> None:
        back = m.tensor((1, 6, 6, 4), scale=0.25, zero_point=3, name="back")
        m.operators[1].inputs = [back]
        m.op("RELU", [4], [back])

    assert "operator 1 RELU: reads tensor 5 'back', which nothing before it writes" in refusal(edited(edit))


def test_operators_out_of_order() -> None:
    line = refusal(edited(lambda m: m.operators.reverse()))
    assert "operator 0 RELU: reads tensor 3 'mid'" in line


def test_tensor_written_twice() -> None:
    line = refusal(edited(lambda m: m.operators.append(m.operators[0])))
    assert "operator 2 CONV_2D: writes tensor 3 'mid', as operator 0 CONV_2D already does" in line


def test_constant_or_graph_input_is_written() -> None:
    def into(tensor: int):
        def edit(m: ModelBuilder) -> None:
            m.operators[1].outputs = [tensor]

        return edit

    assert "writes tensor 2 'bias', which has constant data" in refusal(edited(into(2)))
    assert "writes tensor 0 'input', as the graph's input" in refusal(edited(into(0)))


def test_output_that_nothing_writes() -> None:
    m = conv_net()
    m.operators.pop()
    assert "tensor 4 'output': a graph output that no operator writes" in refusal(m.build([0], [4]))


def test_graph_input_with_data() -> None:
    assert "tensor 1 'weights': a graph input has constant data" in refusal(conv_net().build([0, 1], [4]))


def test_no_operator() -> None:
    m = conv_net()
    m.operators.clear()
    assert "0 operators" in refusal(m.build([0], [0]))


def _call(m: ModelBuilder, callee: int, table: str = "WhileOptions") -> None:
    m.op("WHILE", [0], [4], {"CondSubgraphIndex": callee, "BodySubgraphIndex": callee}, table)


def _calling(callee: int) -> ModelBuilder:
    m = ModelBuilder(conv_net().tensors)
    _call(m, callee)
    return m


def test_cycle_between_subgraphs() -> None:
    line = refusal(_calling(1).build([0], [4], [_calling(2), _calling(1)]))
    assert "subgraphs call each other in a cycle: 1 -> 2 -> 1" in line
    assert "cycle: 0 -> 0" in refusal(_calling(0).build([0], [4]))


def test_called_subgraph_that_does_not_exist() -> None:
    assert "calls subgraph 7 of 1" in refusal(_calling(7).build([0], [4]))


def test_control_flow_is_unsupported() -> None:
    assert "operator 0 WHILE" in refusal(_calling(1).build([0], [4], [ModelBuilder()]), Unsupported)


def test_many_calls_take_no_time() -> None:
    """Each subgraph calls the next one twice: 2^60 paths."""
    chain = [_calling(k + 1) for k in range(60)]
    for m in chain:
        m.operators.append(m.operators[0])
    data = ModelBuilder(conv_net().tensors, [chain[0].operators[0]]).build([0], [4], [*chain[1:], ModelBuilder()])
    assert "operator 0 WHILE" in refusal(data, Unsupported)


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


# ---------------------------------------------------------------- unsupported, all at once


def test_all_unsupported_operators_are_listed() -> None:
    m = conv_net()
    m.operators[1].name, m.operators[1].table = "CUSTOM:Magic", None
    m.tensor((1, 6, 6, 4), DType.FLOAT32, name="x")
    m.tensor((1, 6, 6, 4), tflite.TensorType.FLOAT16, name="half")
    m.tensor((6, 4), DType.FLOAT32, name="last")
    m.op("COS", [4], [5])
    m.op("RELU", [5], [6])
    m.op("UNIQUE", [6], [7])
    with pytest.raises(Unsupported) as caught:
        import_model(m.build([0], [7]), "m.tflite")
    error = caught.value
    assert [(i["index"], i["operator"], i["shape"]) for i in error.items] == [
        (1, "CUSTOM", [1, 6, 6, 4]),
        (2, "COS", [1, 6, 6, 4]),
        (3, "RELU", [1, 6, 6, 4]),
        (4, "UNIQUE", [6, 4]),
    ]
    assert "FLOAT16" in error.items[2]["reason"] and "Magic" in error.items[0]["reason"]
    assert error.exit_code == 4 and error.to_json()["items"] == error.items
    assert all(f"operator {k} " in error.line() for k in (1, 2, 3, 4)) and "\n" not in error.line()


@pytest.mark.parametrize("kind", ["FLOAT16", "INT4", "STRING", "RESOURCE", "COMPLEX64"])
def test_types_that_are_not_built(kind: str) -> None:
    def edit(m: ModelBuilder) -> None:
        m.tensors[1].type = getattr(tflite.TensorType, kind)

    line = refusal(edited(edit), Unsupported)
    assert f"operator 0 CONV_2D [1, 6, 6, 4]: tensor 1 'weights': type {kind}" in line


def test_type_number_that_does_not_exist() -> None:
    def edit(m: ModelBuilder) -> None:
        m.tensors[1].type = 99

    assert "tensor 1 'weights': type number 99 does not exist" in refusal(edited(edit))


@pytest.mark.parametrize(("attribute", "word"), [("sparse", "sparse"), ("variable", "variable")])
def test_storage_that_is_not_built(attribute: str, word: str) -> None:
    def edit(m: ModelBuilder) -> None:
        setattr(m.tensors[1], attribute, True)

    assert word in refusal(edited(edit), Unsupported)


def test_int8_without_scale_and_activations_per_channel() -> None:
    def no_scale(m: ModelBuilder) -> None:
        m.tensors[3].scales = m.tensors[3].zero_points = ()

    def per_channel(m: ModelBuilder) -> None:
        m.tensors[3].scales, m.tensors[3].zero_points, m.tensors[3].axis = (0.1,) * 4, (0,) * 4, 3

    assert "tensor 3 'mid': int8 without a scale" in refusal(edited(no_scale), Unsupported)
    assert "tensor 3 'mid': activations quantised per channel" in refusal(edited(per_channel), Unsupported)


# ---------------------------------------------------------------- memory and time


def test_giant_shared_buffer_is_not_copied() -> None:
    """2,000 tensors over one buffer of 8 MB, and their 2,000 consumers."""
    m = ModelBuilder()
    x = m.tensor((1, 8), DType.FLOAT32)
    big = m.tensor((1 << 18, 8), DType.FLOAT32, data=bytes(1 << 23))
    outs = []
    for k in range(2000):
        w = m.tensor((1 << 18, 8), DType.FLOAT32) if k else big
        m.tensors[w].buffer = 1 if k else None
        outs += m.op("FULLY_CONNECTED", [x, w, None], [m.tensor((1, 1 << 18), DType.FLOAT32)])
    data = m.build([x], outs)
    tracemalloc.start()
    try:
        refusal(data)  # the outputs together are beyond any microcontroller, and that is found last
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()


def test_shared_scales_are_limited() -> None:
    m = ModelBuilder()
    x = m.tensor((1, 1), DType.INT8, scale=0.5)
    n = 1 << 16
    outs = []
    for _ in range(17):
        w = m.tensor((n, 1), DType.INT8, scale=(0.5,) * n, data=bytes(n))
        outs += m.op("FULLY_CONNECTED", [x, w, None], [m.tensor((1, n), scale=0.5)])
    assert "scales in the model" in refusal(m.build([x], outs))


def test_number_of_operators_and_operands() -> None:
    m = conv_net()
    m.operators += [m.operators[1]] * 10_000
    assert "10002 operators" in refusal(m.build([0], [4]))
    m = conv_net()
    m.operators[1].name, m.operators[1].inputs = "CONCATENATION", [3] * 60_000
    assert "operator 1 CONCATENATION: more than 50000 operands" in refusal(m.build([0], [4]))
