"""One operator of an opspec.Case as a .tflite file, and random inputs for it."""

from __future__ import annotations

import numpy as np

from tinyml.exporters.tflite_builder import ModelBuilder, OperatorDef, TensorDef
from tinyml.ir import DType
from tinyml.opspec import Case, CaseTensor, OpSpec

__all__ = ["ModelBuilder", "OperatorDef", "TensorDef", "case_model", "fed_inputs", "random_inputs", "write_case"]


def fed_inputs(case: Case) -> tuple[int, ...]:
    """Positions of the inputs that are fed at run time: those without data. Where all have data, it is the first one,
    which is then fed that data: a network needs an input."""
    free = tuple(k for k, t in enumerate(case.inputs) if t is not None and t.data is None)
    return free or (0,)


def case_model(spec: OpSpec, case: Case) -> tuple[ModelBuilder, list[int], list[int]]:
    """(model, graph inputs, graph outputs) of a network that is this one operator."""
    model, fed = ModelBuilder(), fed_inputs(case)

    def add(t: CaseTensor, is_fed: bool) -> int:
        return model.tensor(t.shape, t.dtype, t.scale, t.zero_point, t.axis, None if is_fed else t.data)

    ins = [None if t is None else add(t, k in fed) for k, t in enumerate(case.inputs)]
    outs = [add(t, True) for t in case.outputs]
    model.op(spec.name, ins, outs, case.options, spec.options)
    return model, [ins[k] for k in fed], outs


def write_case(spec: OpSpec, case: Case) -> bytes:
    model, ins, outs = case_model(spec, case)
    return model.build(ins, outs)


def random_inputs(case: Case, seed: int = 0) -> list[np.ndarray]:
    """One array per fed input, in order: integers from their whole range, floats from [low, high)."""
    rng = np.random.default_rng(seed)
    arrays = []
    for t in (case.inputs[k] for k in fed_inputs(case)):
        if t.data is not None:
            arrays.append(np.ascontiguousarray(t.data, t.dtype.numpy))
        elif t.dtype is DType.FLOAT32:
            arrays.append(rng.uniform(t.low, t.high, t.shape).astype(np.float32))
        elif t.dtype is DType.BOOL:
            arrays.append(rng.integers(0, 2, t.shape).astype(np.bool_))
        else:
            info = np.iinfo(t.dtype.numpy)
            arrays.append(rng.integers(info.min, info.max, t.shape, t.dtype.numpy, endpoint=True))
    return arrays
