"""Weights of 4 bits in .tflite files: read as LiteRT reads them, built, and computed as its reference kernels compute."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from case_build import build_cases
from hostile import edited, refusal
from random_layers import random_layers
from tflite_writer import random_inputs, write_case
from tinyml.importers import import_model
from tinyml.ir import DType
from tinyml.opspec import Case, load_ops
from tinyml.plan.model import Target
from tinyml.plan.planner import make_plan
from witness import litert_run

OPS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
COUNT = 12


def _cases(op: str) -> list[Case]:
    """Random int8 layers with an even number of weights of 4 bits."""
    out = []
    for case in random_layers(op, 8 * COUNT, 9):
        x, w, b = case.inputs
        if w.data.size % 2 or len(out) == COUNT:
            continue
        data = np.clip(np.round(w.data / 16.0), -7, 7).astype(np.int8)
        scale = tuple(float(np.float32(16 * s)) for s in w.scale)
        bias = replace(b, scale=tuple(x.scale * s for s in scale))
        out.append(replace(case, inputs=(x, replace(w, dtype=DType.INT4, data=data, scale=scale), bias)))
    return out


@pytest.mark.parametrize("op", OPS)
def test_reference_and_generated_c_equal_litert(op: str, tmp_path: Path) -> None:
    spec, files = load_ops()[op], {}
    for k, case in enumerate(_cases(op)):
        data = write_case(spec, case)
        graph = import_model(data, case.name)
        w = graph.tensors[graph.nodes[0].inputs[1]]
        assert w.dtype is DType.INT4
        np.testing.assert_array_equal(w.data, case.inputs[1].data)
        files[f"c{k}"] = case, data, graph
    assert len(files) == COUNT
    program = build_cases({name: make_plan(graph, Target()) for name, (_, _, graph) in files.items()}, tmp_path)
    for name, (case, data, graph) in files.items():
        inputs = random_inputs(case, 3)
        expected = litert_run(data, inputs)
        n = graph.view(graph.nodes[0])
        arrays = (inputs[0], *(None if t is None else t.data for t in n.inputs[1:]))
        np.testing.assert_array_equal(spec.reference(n, arrays)[0], expected[0], err_msg=f"{name} {case}")
        np.testing.assert_array_equal(program.run(name, inputs, expected)[0], expected[0], err_msg=name)


def test_buffers_of_another_length_are_refused() -> None:
    def narrow(length: int):
        def edit(m) -> None:
            m.tensors[1].type = 17  # INT4
            m.tensors[1].data = bytes(length)

        return edit

    assert import_model(edited(narrow(54)), "m.tflite").tensors[1].dtype is DType.INT4
    for length in (53, 55, 108):
        assert "takes 54" in refusal(edited(narrow(length)))
