"""The figures of benchmarks/ram.py: what was reached on the real networks stays reached, within what may be computed twice."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType

import pytest

from conftest import REPO
from tinyml.importers import import_model
from tinyml.passes import run_passes
from tinyml.plan.model import Target
from tinyml.plan.planner import Goal, make_plan
from tinyml.report.macs import planned_macs
from tinyml.work import graph_macs

# (model, pushed rows, limit on multiply-accumulates) -> bytes; portable kernels
REACHED = {
    ("ic_resnet8_int8", False, 1.02): 13_952, ("ic_resnet8_int8", True, 1.02): 11_264,
    ("kws_dscnn_int8", False, 1.02): 4_912, ("kws_dscnn_int8", True, 1.02): 4_608,
    ("vww_96_int8", False, 1.02): 28_800, ("vww_96_int8", True, 1.02): 13_616, ("vww_96_int8", True, 1.1): 12_672,
    ("str_ww_int8", False, 1.02): 4_008,
    ("mcunet_vww", False, 1.02): 21_152, ("mcunet_vww", True, 1.02): 14_912, ("mcunet_vww", True, 1.1): 13_120,
    ("mcunet_vww", True, 1.2): 13_120,
    ("mcunetv2_large", False, 1.02): 199_432, ("mcunetv2_large", True, 1.06): 145_336, ("mcunetv2_large", True, 1.1): 100_256,
    ("mcunetv2_large", True, 1.12): 92_064,
}  # fmt: skip


def table() -> ModuleType:
    spec = importlib.util.spec_from_file_location("ram_benchmark", REPO / "benchmarks" / "ram.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


SLOW = {("mcunetv2_large", True, 1.06), ("mcunetv2_large", True, 1.12)}  # the search is the same as for its other rows


@pytest.mark.parametrize(("name", "rows", "limit"), [pytest.param(*key, marks=[pytest.mark.slow] * (key in SLOW)) for key in REACHED])
def test_an_arena_is_no_larger_than_it_was(shared_model, name: str, rows: bool, limit: float) -> None:
    graph = run_passes(import_model(shared_model(name).read_bytes(), name))
    plan = make_plan(graph, Target(), goal=Goal("ram", limit, push_rows=rows))
    assert plan.lower_bound_bytes <= plan.arena_bytes <= REACHED[name, rows, limit]
    assert planned_macs(plan.graph, plan.schedule) <= limit * graph_macs(graph)


def test_every_row_of_the_table_is_held_and_below_what_it_must_be() -> None:
    rows = {}
    for row in table().ROWS:
        for pushed, limits in ((False, row.whole), (True, row.pushed)):
            rows.update({(row.model, pushed, limit.overhead): limit.must for limit in limits})
    assert rows.keys() == REACHED.keys()
    assert all(must is None or REACHED[key] <= must for key, must in rows.items())
    assert sum(must is not None for must in rows.values()) >= 10
