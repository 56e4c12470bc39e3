"""One file, made by hand, per class of hostile or broken model (references.md, section 6); each is refused in one line
that names the place."""

from __future__ import annotations

import math
import struct

import pytest

from hostile import conv_net, edited, field, model_of, patched, refusal
from tflite_writer import ModelBuilder
from tinyml.errors import InvalidModel, Unsupported
from tinyml.importers import import_model

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
