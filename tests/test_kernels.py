"""Every case of every operator through the generated C, under ASan and UBSan, against LiteRT's reference kernels.

The plan is spread out so that each tensor is isolated; a second run uses the plan as it is, with buffers shared.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from case_build import CaseProgram, build_cases, spread
from tflite_writer import random_inputs, write_case
from tinyml.importers import import_model
from tinyml.ir import Graph
from tinyml.opspec import Case, OpSpec, model_ops
from tinyml.plan.model import Target
from tinyml.plan.planner import make_plan
from witness import litert_run

SEEDS = 3


def _graphs(spec: OpSpec) -> dict[str, tuple[Case, bytes, Graph]]:
    out = {}
    for k, case in enumerate(spec.cases()):
        data = write_case(spec, case)
        out[f"c{k}_{case.name}"] = case, data, import_model(data, case.name)
    return out


def _compare(program: CaseProgram, name: str, case: Case, data: bytes) -> None:
    for seed in range(SEEDS):
        inputs = random_inputs(case, seed)
        expected = litert_run(data, inputs)
        for y, e in zip(program.run(name, inputs, expected), expected, strict=True):
            if case.tolerance:
                np.testing.assert_allclose(y, e, rtol=0, atol=case.tolerance, err_msg=name)
            else:
                np.testing.assert_array_equal(y, e, err_msg=name)


@pytest.mark.parametrize("spec", model_ops().values(), ids=lambda s: s.name)
@pytest.mark.parametrize("shared", [False, True], ids=["isolated", "as_planned"])
def test_generated_c_equals_litert(spec: OpSpec, shared: bool, tmp_path: Path) -> None:
    graphs = _graphs(spec)
    plans = {name: make_plan(graph, Target()) for name, (_, _, graph) in graphs.items()}
    program = build_cases({n: p if shared else spread(p) for n, p in plans.items()}, tmp_path)
    for name, (case, data, _) in graphs.items():
        _compare(program, name, case, data)
