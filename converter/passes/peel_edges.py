"""Moves a QUANTIZE that only reads a network input, and a DEQUANTIZE that only writes a network output, out to the edge.

The arena then holds the int8 tensor only; the conversion is done element by element while the caller's values are handed
over (generated `<model>_set_input_f32`, the device runner), with the same arithmetic, so results stay bit-identical.
"""

from __future__ import annotations

from tinyml.ir import DType, Graph
from tinyml.opspec import load_ops


def peel_edges(graph: Graph) -> Graph:
    specs = load_ops()
    inputs, outputs = list(graph.inputs), list(graph.outputs)
    gone = set()
    for i, t in enumerate(graph.inputs):
        readers = graph.consumers.get(t, ())
        if len(readers) != 1 or t in graph.outputs:
            continue
        node = graph.nodes[readers[0]]
        y = graph.tensors[node.outputs[0]]
        if specs[node.op].edge and graph.tensors[t].dtype is DType.FLOAT32 and y.dtype is DType.INT8 and y.id not in outputs:
            inputs[i] = y.id
            gone.add(readers[0])
    for i, t in enumerate(graph.outputs):
        k = graph.producer.get(t)
        if k is None or k in gone or graph.consumers.get(t) or graph.outputs.count(t) != 1:
            continue
        node = graph.nodes[k]
        x = graph.tensors[node.inputs[0]]  # type: ignore[index]
        busy = x.id in outputs or x.id in inputs or x.is_const
        if specs[node.op].edge and graph.tensors[t].dtype is DType.FLOAT32 and x.dtype is DType.INT8 and not busy:
            outputs[i] = x.id
            gone.add(k)
    if not gone:
        return graph
    return graph.with_(
        nodes=tuple(n for k, n in enumerate(graph.nodes) if k not in gone),
        inputs=tuple(inputs), outputs=tuple(outputs),
        model_inputs=graph.model_inputs or graph.inputs, model_outputs=graph.model_outputs or graph.outputs,
    )  # fmt: skip
