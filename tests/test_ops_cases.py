"""Every case of every operator: written as a .tflite file, imported, and its reference compared with LiteRT's kernels."""

from __future__ import annotations

import numpy as np
import pytest

from tflite_writer import random_inputs, write_case
from tinyml.importers import import_model
from tinyml.opspec import Case, OpSpec, model_ops
from witness import litert_run

CASES = [(spec, case) for spec in model_ops().values() for case in spec.cases()]
SEEDS = 3


@pytest.mark.parametrize(("spec", "case"), CASES, ids=[f"{s.name}-{c.name}" for s, c in CASES])
def test_reference_equals_litert(spec: OpSpec, case: Case) -> None:
    data = write_case(spec, case)
    graph = import_model(data, case.name)
    view = graph.view(graph.nodes[0])
    for seed in range(SEEDS):
        fed = random_inputs(case, seed)
        by_id = dict(zip(graph.inputs, fed, strict=True))
        arrays = tuple(None if t is None else by_id.get(t.id, t.data) for t in view.inputs)
        ours, theirs = spec.reference(view, arrays), litert_run(data, fed)
        assert len(ours) == len(theirs)
        for y, t, expected in zip(ours, view.outputs, theirs, strict=True):
            assert y.shape == t.shape and y.dtype == t.dtype.numpy
            if case.tolerance:
                np.testing.assert_allclose(y, expected, rtol=0, atol=case.tolerance)
            else:
                np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize("spec", model_ops().values(), ids=lambda s: s.name)
def test_case_names_are_unique(spec: OpSpec) -> None:
    names = [c.name for c in spec.cases()]
    assert names and len(names) == len(set(names))
