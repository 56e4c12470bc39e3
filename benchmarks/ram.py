"""Arena bytes of the planner against the best published figures: python benchmarks/ram.py [FOLDER WITH MODELS] [--keras]

Everything an inference needs is counted: resident input and output, rings, windows, accumulators, scratch. F is the planned
multiply-accumulates over the model's. Portable kernels, which need no scratch. --keras adds MobileNetV2 networks with random
weights, made and quantised by TensorFlow. Peers' figures and their sources: see the project's references; "without image"
means that the peer leaves the input out, which a pushed input makes comparable. Red: larger than it must be (then the exit code
is 1); green: what is aimed at.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tinyml.importers import import_model
from tinyml.passes import run_passes
from tinyml.plan.model import Target
from tinyml.plan.planner import Goal, make_plan
from tinyml.report.macs import planned_macs
from tinyml.work import graph_macs

MODELS = Path(__file__).resolve().parents[2] / "shared" / "models"


@dataclass(frozen=True)
class Limit:
    """Bytes that an arena must have and should have at most, where multiply-accumulates stay within `overhead` times the model's."""

    overhead: float
    must: int | None = None
    aim: int | None = None


@dataclass(frozen=True)
class Row:
    model: str
    best: str  # of the peers and papers
    whole: tuple[Limit, ...]  # with a resident input
    pushed: tuple[Limit, ...]


ROWS = (
    Row("ic_resnet8_int8", "49,152 (TFLM 49,728)", (Limit(1.02, 16_500, 12_500),), (Limit(1.02, 13_500, 10_000),)),
    Row("kws_dscnn_int8", "16,000 (TFLM)", (Limit(1.02, 6_600, 4_500),), (Limit(1.02),)),
    Row("vww_96_int8", "55,296 (TFLM 73,728)", (Limit(1.02, 29_200, 28_100),), (Limit(1.02, 15_500), Limit(1.1, aim=11_000))),
    Row("str_ww_int8", "6,656 (TFLM 7,936)", (Limit(1.02, 4_100, 3_600),), ()),
    Row(
        "mcunet_vww", "81,552 (TinyEngine, patches); 26,240 at F 1.11 without image (msf-CNN)",
        (Limit(1.02, 23_000, 21_000),), (Limit(1.02, 17_800), Limit(1.1, 14_000, 12_600), Limit(1.2, aim=10_000)),
    ),
    Row(
        "mcunetv2_large", "594,696 (TinyEngine, patches)",
        (Limit(1.02, 242_000, 195_000),), (Limit(1.06, 146_000), Limit(1.1, 113_000), Limit(1.12, aim=95_000)),
    ),
)  # fmt: skip
KERAS = (
    (1.0, 224, Row(
        "MobileNetV2 1.0 @224", "176,128 at F 1.10 without image (MCUNetV2)",
        (Limit(1.02),), (Limit(1.02, 106_000), Limit(1.05, 84_000, 62_000), Limit(1.12)),
    )),
    (0.5, 144, Row(
        "MobileNetV2 0.5 @144", "65,536 at +20 % latency without image (MCUNetV2)",
        (Limit(1.02),), (Limit(1.02, 41_500), Limit(1.05, 31_700, 20_500)),
    )),
    (0.35, 144, Row(
        "MobileNetV2 0.35 @144", "15,200 at F 1.38 without image (msf-CNN, a smaller variant)",
        (Limit(1.02),), (Limit(1.05, 18_500), Limit(1.1, 15_000, 12_000)),
    )),
)  # fmt: skip


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


def networks(folder: Path, keras: bool, only: str) -> Iterator[tuple[Row, bytes]]:
    """Rows and model files: those of the folder, which may also hold the Keras networks (`MobileNetV2 1.0 @224.tflite`)."""
    for row in (*ROWS, *(row for _, _, row in KERAS)):
        path = folder / f"{row.model}.tflite"
        if path.exists() and only in row.model:
            yield row, path.read_bytes()
    for alpha, size, row in KERAS if keras else ():
        if only in row.model:
            yield row, keras_network(alpha, size)


def main() -> int:
    """Prints the table; 1 where an arena is larger than it must be."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("models", nargs="?", type=Path, default=MODELS)
    parser.add_argument("--keras", action="store_true", help="also MobileNetV2 networks (needs TensorFlow)")
    parser.add_argument("--only", help="rows of models whose name has this in it")
    args = parser.parse_args()
    table = Table("model", "input")
    for name in ("F allowed", "F", "arena", "must", "aim", "proven", "planning"):
        table.add_column(name, justify="right")
    table.add_column("best peer or paper")
    missed = 0
    for row, data in networks(args.models, args.keras, args.only or ""):
        graph = run_passes(import_model(data, row.model))
        macs = graph_macs(graph)
        for rows, limits in ((False, row.whole), (True, row.pushed)):
            for limit in limits:
                start = time.monotonic()
                plan = make_plan(graph, Target(), goal=Goal("ram", limit.overhead, push_rows=rows))
                seconds = time.monotonic() - start
                fails = limit.must is not None and plan.arena_bytes > limit.must
                missed += fails
                style = "red" if fails else "green" if limit.aim and plan.arena_bytes <= limit.aim else ""
                table.add_row(
                    row.model, "pushed" if rows else "resident", f"{limit.overhead:.2f}",
                    f"{planned_macs(plan.graph, plan.schedule) / macs:.3f}", f"{plan.arena_bytes:,}", _bytes(limit.must), _bytes(limit.aim),
                    "yes" if plan.optimal else f">= {plan.lower_bound_bytes:,}", f"{seconds:.1f} s", row.best, style=style,
                )  # fmt: skip
    Console(width=190).print(table)
    return 1 if missed else 0


def _bytes(size: int | None) -> str:
    return "" if size is None else f"{size:,}"


if __name__ == "__main__":
    sys.exit(main())
