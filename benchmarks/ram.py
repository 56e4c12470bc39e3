"""Arena bytes of the planner against the best published figures: python benchmarks/ram.py [FOLDER WITH MODELS] [--keras]

Everything an inference needs is counted: resident input and output, rings, windows, accumulators, scratch. F is the planned
multiply-accumulates over the model's. Portable kernels, which need no scratch. --keras adds MobileNetV2 networks with random
weights, made and quantised by TensorFlow. Peers' figures and their sources: see the project's references; "without image"
means that the peer leaves the input out, which a pushed input makes comparable.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tinyml.importers import import_model
from tinyml.opspec import load_ops
from tinyml.passes import run_passes
from tinyml.plan.model import Target
from tinyml.plan.planner import Goal, make_plan
from tinyml.report.macs import planned_macs

MODELS = Path(__file__).resolve().parents[2] / "shared" / "models"


@dataclass(frozen=True)
class Row:
    model: str
    best: str  # of the peers and papers
    whole: tuple[float, ...]  # limits on F with a resident input
    pushed: tuple[float, ...]


ROWS = (
    Row("ic_resnet8_int8", "49,152 (TFLM 49,728)", (1.02,), (1.02,)),
    Row("kws_dscnn_int8", "16,000 (TFLM)", (1.02,), (1.02,)),
    Row("vww_96_int8", "55,296 (TFLM 73,728)", (1.02,), (1.02, 1.1)),
    Row("str_ww_int8", "6,656 (TFLM 7,936)", (1.02,), ()),
    Row("mcunet_vww", "81,552 (TinyEngine, patches); 26,240 at F 1.11 without image (msf-CNN)", (1.02,), (1.02, 1.1, 1.2)),
    Row("mcunetv2_large", "594,696 (TinyEngine, patches)", (1.02,), (1.06, 1.12, 1.2)),
)
KERAS = (
    (1.0, 224, Row("MobileNetV2 1.0 @224", "176,128 at F 1.10 without image (MCUNetV2)", (1.02,), (1.02, 1.05, 1.12))),
    (0.5, 144, Row("MobileNetV2 0.5 @144", "65,536 at +20 % latency without image (MCUNetV2)", (1.02,), (1.02, 1.05))),
    (0.35, 144, Row("MobileNetV2 0.35 @144", "15,200 at F 1.38 without image (msf-CNN, a smaller variant)", (1.02,), (1.05, 1.1))),
)


def keras_network(alpha: float, size: int) -> bytes:
    """MobileNetV2 with random weights, quantised to int8 by TensorFlow's converter on random images."""
    import numpy as np
    import tensorflow as tf

    tf.keras.utils.set_random_seed(0)
    net = tf.keras.applications.MobileNetV2((size, size, 3), alpha, weights=None, classifier_activation=None)
    converter = tf.lite.TFLiteConverter.from_keras_model(net)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    rng = np.random.default_rng(0)
    converter.representative_dataset = lambda: ([rng.uniform(-1, 1, (1, size, size, 3)).astype(np.float32)] for _ in range(4))
    return converter.convert()


def networks(folder: Path, keras: bool) -> Iterator[tuple[Row, bytes]]:
    for row in ROWS:
        path = folder / f"{row.model}.tflite"
        if path.exists():
            yield row, path.read_bytes()
    for alpha, size, row in KERAS if keras else ():
        yield row, keras_network(alpha, size)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("models", nargs="?", type=Path, default=MODELS)
    parser.add_argument("--keras", action="store_true", help="also MobileNetV2 networks (needs TensorFlow)")
    args = parser.parse_args()
    table = Table("model", "input", "F allowed", "F", "arena", "proven", "planning", "best peer or paper")
    for row, data in networks(args.models, args.keras):
        graph = run_passes(import_model(data, row.model))
        specs = load_ops()
        macs = sum(specs[n.op].macs(graph.view(n)) for n in graph.nodes)
        for rows, limits in ((False, row.whole), (True, row.pushed)):
            for limit in limits:
                start = time.monotonic()
                plan = make_plan(graph, Target(), goal=Goal("ram", limit, push_rows=rows))
                seconds = time.monotonic() - start
                table.add_row(
                    row.model, "pushed" if rows else "resident", f"{limit:.2f}", f"{planned_macs(plan.graph, plan.schedule) / macs:.3f}", f"{plan.arena_bytes:,}",
                    "yes" if plan.optimal else f">= {plan.lower_bound_bytes:,}", f"{seconds:.1f} s", row.best,
                )  # fmt: skip
    Console(width=170).print(table)


if __name__ == "__main__":
    main()
