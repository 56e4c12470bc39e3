"""The generated project: a model library (sources, runtime kernels it uses, library.json) and a firmware main."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from tinyml import __version__
from tinyml.emit.calls import EmittedStep, TableSet, emit_steps
from tinyml.emit.naming import c_comment, c_identifier
from tinyml.emit.tensors import describe_tensors, io_tensors
from tinyml.emit.values import CTYPES, c_float, c_geom
from tinyml.ir import DType, Tensor
from tinyml.plan.model import Plan
from tinyml.resources import runtime_dir, templates_dir

RUNTIME_VERSION = 1  # TM_RUNTIME_VERSION this generator writes for; the generated code asserts it


@dataclass(frozen=True)
class IoInfo:
    """A network input or output as the header presents it."""

    index: int
    name: str  # "input" or "output", with the index where there are several
    tensor: Tensor  # what lies in the arena
    model: Tensor  # what the model file calls it
    offset: int

    @property
    def converts(self) -> bool:
        """The model file has it as float32, the arena as int8."""
        return self.model.dtype is DType.FLOAT32 and self.tensor.dtype is DType.INT8


@dataclass(frozen=True, eq=False)
class Project:
    """prefix: of every public C name. files: path below the project folder -> text. model_dir: the library's folder."""

    prefix: str
    model_dir: str
    files: dict[str, str]
    weights_bytes: int
    model_hash: str


@cache
def _templates() -> Environment:
    env = Environment(
        loader=FileSystemLoader(templates_dir()), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True, autoescape=False,
    )  # fmt: skip
    env.filters["comment"] = c_comment
    env.filters["cfloat"] = c_float
    return env


def render(template: str, **values: object) -> str:
    return _templates().get_template(template).render(**values)


def emit_project(plan: Plan, model_bytes: bytes, name: str) -> Project:
    """All files of the project for one plan. Byte-identical for identical arguments."""
    prefix = c_identifier(name)
    tables = TableSet(prefix)
    steps = emit_steps(plan, tables)
    inputs, outputs = _ios(plan, True), _ios(plan, False)
    headers = {h for s in steps for h in s.headers}
    if any(io.converts for io in inputs):
        headers.add("quantize")  # for <prefix>_set_input_f32
    digest = hashlib.sha256(model_bytes + _plan_key(steps, plan)).hexdigest()
    values = {
        "prefix": prefix, "PREFIX": prefix.upper(), "version": __version__, "runtime_version": RUNTIME_VERSION,
        "name": name, "hash": digest[:32], "hash_bytes": [int(digest[i : i + 2], 16) for i in range(0, 32, 2)],
        "plan": plan, "steps": steps, "tables": tables.unique, "headers": sorted(headers),
        "inputs": inputs, "outputs": outputs, "tensors": describe_tensors(plan),
        "input_infos": io_tensors(plan, True), "output_infos": io_tensors(plan, False), "ctype": CTYPES, "geom": c_geom,
        "macs": sum(s.macs for s in steps), "align": 16,
    }  # fmt: skip
    root = f"lib/{prefix}"
    src = f"{root}/src"
    files = {
        f"{root}/library.json": render("library.json.j2", **values),
        f"{src}/{prefix}.h": render("model.h.j2", **values),
        f"{src}/{prefix}.c": render("model.c.j2", **values),
        f"{src}/{prefix}_weights.h": render("weights.h.j2", **values),
        f"{src}/{prefix}_weights.c": render("weights.c.j2", **values),
        "src/main.c": render("main.c.j2", **values),
    }
    kernels = {c.func for s in plan.schedule.steps for c in s.calls}
    files.update({f"{src}/{path}": text for path, text in _runtime(kernels, {"base", "model", *headers}).items()})
    return Project(prefix, root, dict(sorted(files.items())), tables.bytes("weights"), digest[:32])


def _plan_key(steps: tuple[EmittedStep, ...], plan: Plan) -> bytes:
    return json.dumps([__version__, plan.arena_bytes, [s.body for s in steps], [t.offset for t in describe_tensors(plan)]]).encode()


def _ios(plan: Plan, inputs: bool) -> list[IoInfo]:
    g = plan.graph
    ids, model, word = (g.inputs, g.io_input, "input") if inputs else (g.outputs, g.io_output, "output")
    return [
        IoInfo(k, word if len(ids) == 1 else f"{word}{k}", g.tensors[t], model(k), plan.address(t)) for k, t in enumerate(ids)
    ]


def _runtime(kernels: set[str], headers: set[str]) -> dict[str, str]:
    """The runtime files a model needs: its kernels, their headers, and what those include.

    Headers name their neighbours without the folder, so that the library compiles with no include path at all."""
    root = runtime_dir()
    files = {f"{k.removeprefix('tm_')}.c": (root / "src" / f"{k.removeprefix('tm_')}.c").read_text() for k in kernels}
    todo = [f"tm/{h}.h" for h in headers] + [i for text in files.values() for i in _includes(text)]
    while todo:
        path = todo.pop()
        if path not in files:
            text = (root / "include" / path).read_text()
            files[path] = text.replace('#include "tm/', '#include "')
            todo += _includes(text)
    return files


def _includes(text: str) -> list[str]:
    return [line.split('"')[1] for line in text.splitlines() if line.startswith('#include "tm/')]
