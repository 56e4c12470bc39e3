"""The HTML report in a real browser: complete, to scale, legible, and quiet. Screenshots stay in build/plan-report."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from browser import Seen, look, needs_browser
from conftest import REPO
from test_plan_report import DIGITS, Made, make, report_on, residual

PICTURES = REPO / "build" / "plan-report"
WHITE = 255
PEAK = (0xC4, 0x12, 0x2F)  # --peak of the style sheet


def overlap(a: list[float], b: list[float]) -> float:
    """Pixels by which two rectangles reach into each other, in the direction in which they do so least."""
    return min(min(a[k] + a[k + 2], b[k] + b[k + 2]) - max(a[k], b[k]) for k in (0, 1))


def assert_drawn(made: Made, seen: Seen) -> None:
    plan, found = made.plan, seen.found
    assert seen.console == [] and found["requests"] == []
    assert found["width"] <= 1280, "the page is wider than the window"
    # complete
    buffers = plan.schedule.buffers
    assert found["steps"] == [f"step-{k}" for k in range(len(plan.schedule.steps))]
    assert found["buffers"] == [f"row-{b.id}" for b in buffers]
    assert found["stages"] == [str(k) for k, _ in plan.schedule.stages()]
    assert sorted(int(b["id"]) for b in found["boxes"]) == sorted(b.id for b in buffers)
    assert len(found["dots"]) == len(made.points)
    # to scale: y is bytes, x is operators, with room for the peak
    boxes = {int(b["id"]): b["rect"] for b in found["boxes"]}
    widths = [len(s.nodes) for s in plan.schedule.steps]
    widths[made.peak.step] = max(widths[made.peak.step], 0.12 * (sum(widths) - widths[made.peak.step]))
    edges = list(itertools.accumulate(widths, initial=0))
    big = max(buffers, key=lambda b: b.size_bytes)
    wide = max(buffers, key=lambda b: edges[b.last + 1] - edges[b.first])
    per_byte = boxes[big.id][3] / big.size_bytes
    per_operator = boxes[wide.id][2] / (edges[wide.last + 1] - edges[wide.first])
    bottom = boxes[big.id][1] + boxes[big.id][3] + plan.offsets[big.id] * per_byte
    left = boxes[wide.id][0] - edges[wide.first] * per_operator
    assert per_byte * plan.arena_bytes > 250 and per_operator * edges[-1] > 500
    for b in buffers:
        x, y, w, h = boxes[b.id]
        assert abs(y + h - (bottom - plan.offsets[b.id] * per_byte)) < 0.2 and abs(h - b.size_bytes * per_byte) < 0.2, b
        assert abs(x - left - edges[b.first] * per_operator) < 0.2 and abs(w - (edges[b.last + 1] - edges[b.first]) * per_operator) < 0.2, b
    (px, py, pw, ph), top = found["peak"][0], made.peak.step
    assert abs(px - left - edges[top] * per_operator) < 0.2 and abs(pw - widths[top] * per_operator) < 0.2 and pw > 60
    assert abs(ph - plan.arena_bytes * per_byte) < 0.2 and abs(py + ph - bottom) < 0.2
    assert_legible(found)
    assert_painted(seen, boxes, [px, py, pw, ph])


def assert_legible(found: dict) -> None:
    for svg in found["svg"]:
        texts = svg["texts"]
        assert len(texts) > 4
        for a, b in itertools.combinations(texts, 2):
            assert overlap(a["rect"], b["rect"]) < 1.5, (a, b)
        for t in texts:
            assert all(svg["rect"][k] - 1 <= t["rect"][k] for k in (0, 1)), t
            assert all(t["rect"][k] + t["rect"][k + 2] <= svg["rect"][k] + svg["rect"][k + 2] + 1 for k in (0, 1)), t


def assert_painted(seen: Seen, boxes: dict[int, list[float]], peak: list[float]) -> None:
    """The picture holds what the page says: colour where a box is, the peak's frame around it."""
    pixels = seen.pixels
    assert pixels.shape == (900, 1280, 3)
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 50
    shown = [r for r in boxes.values() if r[2] >= 6 and r[3] >= 6 and r[1] + r[3] < 900]
    assert shown
    for x, y, w, h in shown:
        inside = pixels[int(y) + 2 : int(y + h) - 2, int(x) + 2 : int(x + w) - 2].reshape(-1, 3)
        assert (inside.min(axis=1) < WHITE - 10).mean() > 0.3, (x, y, w, h)
    x, y, w, h = peak
    sides = (pixels[int(y) + 3 : int(y + h) - 3, int(side)].astype(int) for side in (x, x + w))
    # a box's label may lie over one side
    assert max((np.abs(frame - PEAK).max(axis=1) < 40).mean() for frame in sides) > 0.9


@needs_browser
@pytest.mark.parametrize("optimize", ["balanced", "ram"])
def test_the_example(optimize: str, tmp_path: Path) -> None:
    made = make(DIGITS, optimize)
    assert_drawn(made, look(made.page, tmp_path, PICTURES / f"digits_{optimize}.png"))


@needs_browser
@pytest.mark.parametrize("name", ["ic_resnet8_int8", "kws_dscnn_int8"])
def test_fused_models(name: str, shared_model: Callable[[str], Path], tmp_path: Path) -> None:
    made = make(shared_model(name), "ram")
    assert list(made.plan.schedule.stages())
    assert_drawn(made, look(made.page, tmp_path, PICTURES / f"{name}.png"))


@needs_browser
def test_pushed_rows(tmp_path: Path) -> None:
    made = report_on(residual(), "residual", "ram", push=True)
    assert made.plan.schedule.pushed is not None
    assert_drawn(made, look(made.page, tmp_path, PICTURES / "pushed_rows.png"))


@needs_browser
@pytest.mark.slow
@pytest.mark.parametrize("optimize", ["balanced", "ram"])
def test_many_stages(optimize: str, shared_model: Callable[[str], Path], tmp_path: Path) -> None:
    made = make(shared_model("mcunet_vww"), optimize)
    assert_drawn(made, look(made.page, tmp_path, PICTURES / f"mcunet_vww_{optimize}.png"))


@needs_browser
@pytest.mark.slow
def test_a_long_model(shared_model: Callable[[str], Path], tmp_path: Path) -> None:
    made = make(shared_model("mcunetv2_large"), "balanced", front=False)
    assert len(made.plan.schedule.steps) > 140
    assert_drawn(made, look(made.page, tmp_path, PICTURES / "mcunetv2_large.png"))


@needs_browser
def test_the_witness_sees_errors_and_requests(tmp_path: Path) -> None:
    """A page with a script error and a foreign image is told from a good one."""
    page = make(DIGITS, "balanced").page
    broken = page.replace("<main>", '<main><img src="http://127.0.0.1:9/x.png"><script>nothing.there()</script>')
    seen = look(broken, tmp_path, tmp_path / "broken.png")
    assert any("nothing is not defined" in line for line in seen.console), seen.console
    assert any("127.0.0.1" in line for line in seen.console), "the page's policy let a request out"
