"""LiteRT's reference kernels: the outside witness that results are compared with."""

from __future__ import annotations

import numpy as np
import pytest


def litert_run(
    model: bytes, inputs: list[np.ndarray], all_tensors: bool = False
) -> list[np.ndarray] | tuple[list[np.ndarray], dict[int, np.ndarray]]:
    """Outputs of `model` on `inputs`, in graph order, from OpResolverType.BUILTIN_REF; with `all_tensors` also every
    tensor that has a value, by its index in the file. Skips the test where LiteRT is not installed."""
    interpreter = pytest.importorskip("ai_edge_litert.interpreter")
    runner = interpreter.Interpreter(
        model_content=model,
        num_threads=1,
        experimental_op_resolver_type=interpreter.OpResolverType.BUILTIN_REF,
        experimental_preserve_all_tensors=all_tensors,
    )
    runner.allocate_tensors()
    for detail, value in zip(runner.get_input_details(), inputs, strict=True):
        runner.set_tensor(detail["index"], value)
    runner.invoke()
    outputs = [runner.get_tensor(d["index"]) for d in runner.get_output_details()]
    if not all_tensors:
        return outputs
    values = {}
    for detail in runner.get_tensor_details():
        try:
            values[detail["index"]] = runner.get_tensor(detail["index"])
        except ValueError:  # unused tensors and the interpreter's own have no data
            continue
    return outputs, values
