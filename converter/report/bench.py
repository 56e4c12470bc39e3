"""What an inference costs, layer by layer, and on what it was measured: as JSON and as text. `docs/commands.md` documents the fields."""

from __future__ import annotations

import statistics
from dataclasses import asdict, dataclass
from typing import Any

from tinyml.cycles import Estimate
from tinyml.report.text import count

UNITS = ("instructions", "cycles", "ticks")


@dataclass(frozen=True)
class Layer:
    """A step of the plan. operator: index in the model file; shape of its output; count: in the counter's unit."""

    index: int
    name: str
    operator: int
    shape: tuple[int, ...]
    macs: int
    count: int
    us: float | None  # None where counts are not times
    cycles_estimate: int | None = None  # under emulation


@dataclass(frozen=True)
class Clock:
    """Hz; 0 where not known. fallback: the rated clock did not start, and the board runs at `hz` instead."""

    hz: int
    rated_hz: int
    fallback: bool


@dataclass(frozen=True)
class Where:
    """What was measured. caches: "instruction" and "data", those that are on. tool_version: of the firmware. compiler, flags: of
    its image, empty where not known. emulated: started here, so that clocks and times say nothing of the board."""

    on: str
    target: str
    board: str
    emulated: bool
    stand_in: bool
    port: str | None
    baud: int | None
    clock: Clock
    caches: tuple[str, ...]
    fpu: bool
    counter_name: str
    counter_hz: int
    stack: int
    stack_size: int
    compiler: str
    flags: tuple[str, ...]
    tool_version: str
    model: str
    model_hash: str


@dataclass(frozen=True)
class BenchReport:
    """unit: one of UNITS. The layers' counts and `unattributed` add up to `total` exactly. times_us: of every repeat."""

    where: Where
    unit: str
    repeats: int
    total: int
    cycles: int | None
    times_us: tuple[float, ...]
    layers: tuple[Layer, ...]
    estimate: Estimate | None = None
    no_estimate: str = ""  # why there is none, where there could be one

    @property
    def macs(self) -> int:
        return sum(r.macs for r in self.layers)

    @property
    def unattributed(self) -> int:
        return self.total - sum(r.count for r in self.layers)

    @property
    def latency_us(self) -> dict[str, float] | None:
        t = self.times_us
        return {"min": min(t), "median": statistics.median(t), "max": max(t)} if t else None

    def _estimate_json(self) -> dict[str, Any] | None:
        e = self.estimate
        if e is None:
            return None
        per_mac = _ratio(e.cycles, self.macs)
        return {"core": e.core, "cycles": e.cycles, "per_mac": per_mac, "wait_states": e.wait_states, "source": e.source, "classes": e.classes}

    def to_json(self) -> dict[str, Any]:
        w = self.where
        return {
            "on": w.on, "target": w.target, "board": w.board, "emulated": w.emulated, "stand_in": w.stand_in,
            "port": w.port, "baud": w.baud, "model": w.model, "model_hash": w.model_hash, "tool_version": w.tool_version,
            "compiler": w.compiler or None, "flags": list(w.flags) if w.flags else None,
            "clock_hz": w.clock.hz, "clock_rated_hz": w.clock.rated_hz, "clock_fallback": w.clock.fallback,
            "caches": {name: name in w.caches for name in ("instruction", "data")}, "fpu": w.fpu,
            "counter": self.unit, "counter_name": w.counter_name, "counter_hz": w.counter_hz, "repeats": self.repeats,
            "total": self.total,
            "instructions": self.total if self.unit == "instructions" else None,
            "cycles": self.cycles,
            "cycles_estimate": self.estimate.cycles if self.estimate else None,
            "estimate": self._estimate_json(),
            "latency_us": self.latency_us,
            "macs": self.macs,
            "per_mac": _ratio(self.total, self.macs),
            "cycles_per_mac": _ratio(self.cycles, self.macs),
            "layers": [
                {**asdict(r), "shape": list(r.shape), self.unit: r.count, "per_mac": _ratio(r.count, r.macs), "share": _ratio(r.count, self.total)}
                for r in self.layers
            ],
            "unattributed": self.unattributed,
            "stack": w.stack, "stack_size": w.stack_size,
        }  # fmt: skip


def _estimate_line(r: BenchReport) -> str:
    """The estimate, what it means on the board's clock and what it rests on."""
    e, hz = r.estimate, r.where.clock.rated_hz
    if e is None:
        return f"estimate   of cycles: none, {r.no_estimate}"
    per = f", {e.cycles / r.macs:.2f} per MAC" if r.macs else ""
    time = f", {_time(1e6 * e.cycles / hz)} at {hz / 1e6:g} MHz" if hz else ""
    return f"estimate   {count(e.cycles)} cycles of a {e.core}{per}{time}; {e.wait_states} wait states; {e.source}"


def _ratio(part: int | None, whole: int) -> float | None:
    return part / whole if whole and part is not None else None


def table(r: BenchReport, baseline: dict[str, Any] | None = None) -> list[str]:
    """The layers as lines of aligned columns; with what has changed since `baseline`, an earlier to_json() of the same plan."""
    timed = any(row.us is not None for row in r.layers)
    old = [row["count"] for row in baseline["layers"]] if baseline and _same_layers(r, baseline) else None
    head = ["step", "operator", "output", r.unit, "share", "MACs", "per MAC"] + ["us"] * timed + ["before", "change"] * (old is not None)
    lines = [head]

    def add(name: str, n: int, macs: int, us: float | None, before: int | None, index: str = "", shape: str = "") -> None:
        cells = [index, name, shape, count(n), _percent(n, r.total), count(macs) if macs else "", f"{n / macs:.2f}" if macs else ""]
        cells += [f"{us:,.1f}" if us is not None else ""] * timed
        lines.append(cells + ([count(before), change(n, before)] if old is not None and before is not None else []))

    us_per_count = r.times_us and r.total and sorted(r.times_us)[(len(r.times_us) - 1) // 2] / r.total
    for k, row in enumerate(r.layers):
        add(row.name, row.count, row.macs, row.us, old[k] if old else None, str(row.index), "x".join(map(str, row.shape)))
    for name, n, macs, key in (("unattributed", r.unattributed, 0, "unattributed"), ("total", r.total, r.macs, "total")):
        add(name, n, macs, n * us_per_count if us_per_count else None, baseline[key] if old is not None and baseline else None)
    return align(lines, left=(1, 2))


def summary(r: BenchReport) -> list[str]:
    """The whole inference, and what it was measured on."""
    w = r.where
    per = f", {r.total / r.macs:.2f} per MAC" if r.macs else ""
    if r.unit == "ticks" and r.cycles is not None and r.macs:
        per = f", {count(r.cycles)} cycles, {r.cycles / r.macs:.2f} per MAC"
    lines = [f"{w.model} on {w.target}: {count(r.total)} {r.unit}, {count(r.macs)} MACs{per}"]
    if t := r.latency_us:
        lines.append(f"latency    {_time(t['median'])} (median of {r.repeats}; {_time(t['min'])} to {_time(t['max'])})")
    if w.clock.hz and not w.emulated:
        lines.append(f"clock      {w.clock.hz / 1e6:g} MHz; caches on: {', '.join(w.caches) or 'none'}; FPU {'on' if w.fpu else 'off'}")
        if w.clock.fallback:
            rated = f"of {w.clock.rated_hz / 1e6:g} MHz " if w.clock.rated_hz else ""
            lines.append(f"WARNING    the rated clock {rated}did not start: check the board's crystal; times are of the clock that runs instead")
    if not w.emulated:
        lines.append(f"counter    {w.counter_name}")
    if w.port:
        lines.append(f"port       {w.port}" + (f" at {w.baud:,} baud" if w.baud and not w.emulated else ""))
    if r.estimate or r.no_estimate:
        lines.append(_estimate_line(r))
    if w.stack_size:
        lines.append(f"stack      {count(w.stack)} B of {count(w.stack_size)}")
    flags = " ".join(f for f in w.flags if f.startswith(("-m", "-O")))
    lines.append(f"image      tinyml {w.tool_version}, {w.compiler or 'compiler unknown: no record of this image in build/'}" + (f", {flags}" if flags else ""))
    return lines


def comparison(r: BenchReport, baseline: dict[str, Any], name: str) -> str:
    """One line: the total against that of an earlier report in the same unit."""
    before = baseline["total"]
    more = "" if _same_layers(r, baseline) else "; the plans differ, so that layers are not compared"
    return f"{name}: {count(before)} {r.unit} before ({baseline['target']}), {count(r.total)} now: {change(r.total, before)}{more}"


def change(now: int, before: int) -> str:
    return "same" if now == before else f"{100 * (now - before) / before:+.1f} %" if before else "new"


def _same_layers(r: BenchReport, baseline: dict[str, Any]) -> bool:
    return [(x.name, list(x.shape)) for x in r.layers] == [(x["name"], x["shape"]) for x in baseline["layers"]]


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "-"


def _time(us: float) -> str:
    return f"{us / 1e6:.3f} s" if us >= 1e6 else f"{us / 1e3:.3f} ms" if us >= 1e3 else f"{us:.1f} us"


def align(rows: list[list[str]], left: tuple[int, ...]) -> list[str]:
    """Rows of cells as lines: columns two blanks apart, those of `left` to the left, no blanks at the end of a line."""
    widths = [max(len(row[k]) for row in rows if k < len(row)) for k in range(max(map(len, rows)))]
    return ["  ".join(c.ljust(w) if k in left else c.rjust(w) for k, (c, w) in enumerate(zip(row, widths, strict=False))).rstrip() for row in rows]
