"""Graph -> .tflite, for what the format can say: float32, int8, int16, int32 and packed int4 tensors."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import tflite

from tinyml.exporters.tflite_builder import ModelBuilder, TensorDef
from tinyml.importers.tflite_options import Fields
from tinyml.ir import Graph, Tensor
from tinyml.opspec import load_ops
from tinyml.packing import pack


def write_tflite(graph: Graph, options: Mapping[int, Fields]) -> bytes:
    """The file. Tensors are numbered in the order of their ids. options: by `Node.index`; an operator that is missing there has the
    schema's defaults. The same graph gives the same bytes."""
    model = ModelBuilder(description="tinyml quantize")
    numbers = {t: k for k, t in enumerate(sorted(graph.tensors))}
    model.tensors = [_tensor(graph.tensors[t]) for t in sorted(graph.tensors)]
    specs = load_ops()
    for node in graph.nodes:
        ins = [None if t is None else numbers[t] for t in node.inputs]
        model.op(node.op, ins, [numbers[t] for t in node.outputs], dict(options.get(node.index, {})), specs[node.op].options)
    return model.build([numbers[t] for t in graph.inputs], [numbers[t] for t in graph.outputs])


def _tensor(t: Tensor) -> TensorDef:
    scales, zero_points, axis = ((), (), 0) if t.quant is None else (t.quant.scale, t.quant.zero_point, t.quant.axis)
    data = None
    if t.data is not None:
        data = pack(t.data.reshape(1, -1), t.dtype).tobytes() if t.dtype.packed else np.ascontiguousarray(t.data).tobytes()
    return TensorDef(t.name, t.shape, getattr(tflite.TensorType, t.dtype.name), scales, zero_points, axis, data)
