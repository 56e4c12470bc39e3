"""What the toolchain knows of one operator, and where it finds that out.

Every file in `tinyml/ops/` whose name has no leading underscore defines one ``SPEC = OpSpec(...)``; nothing else
lists operators. All functions of a spec are pure and are given a :class:`tinyml.ir.NodeView`.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

from tinyml.ir import DType, Node, NodeView, Tensor

# ---------------------------------------------------------------- import

class Reject(Exception):
    """The operator is well-formed but cannot be built (exit 4); the importer collects all of them."""


class Malformed(Exception):
    """The model file contradicts itself here (exit 3)."""


def require(ok: bool, what: str) -> None:
    """Refuses the file as invalid unless `ok`."""
    if not ok:
        raise Malformed(what)


def supported(ok: bool, why: str) -> None:
    """Refuses the operator as unsupported unless `ok`."""
    if not ok:
        raise Reject(why)


# ---------------------------------------------------------------- access patterns

@dataclass(frozen=True)
class Window:
    """Output row y reads input rows [y*stride_h - pad_top, ... + size_h), clipped to the input; columns likewise.
    `size` counts the dilated extent. Rows of the output are written in ascending order, each after its reads."""

    stride: tuple[int, int]
    size: tuple[int, int]
    pad: tuple[int, int]  # top, left


@dataclass(frozen=True)
class Elementwise:
    """Output element i reads input element i (same flat index, whatever the element sizes), then is written."""


@dataclass(frozen=True)
class Broadcast:
    """Output pixel reads the input pixel at the same place, dimensions of extent 1 repeated. Never overwritten."""


@dataclass(frozen=True)
class RowMap:
    """Output row y reads input rows rows[y][0] .. rows[y][1]-1 (resize, slices of rows)."""

    rows: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Whole:
    """Any output element may read any input element."""


Access = Window | Elementwise | Broadcast | RowMap | Whole

# ---------------------------------------------------------------- views

@dataclass(frozen=True)
class Reshaped:
    """The output is the input's elements in the same order: no code where the input is dense."""


@dataclass(frozen=True)
class PartsOfInput:
    """Output k is input[begin_k : begin_k + shape_k] (SPLIT, SLICE): may be read in place with the input's strides.
    The input is the first operand that is not constant."""

    begins: tuple[tuple[int, ...], ...]  # per output, one index per dimension


@dataclass(frozen=True)
class PartsOfOutput:
    """Input k is output[begin_k : begin_k + shape_k] (CONCATENATION, PAD): producers may write it in place.
    Elements of the output outside all parts are filled by the operator itself, see OpSpec.lower_rest. whole: as whole tensors
    too, not only one row at a time inside a stage."""

    begins: tuple[tuple[int, ...], ...]  # per non-constant input, in order
    whole: bool = True


ViewRule = Reshaped | PartsOfInput | PartsOfOutput

# ---------------------------------------------------------------- channels

def _refuses(n: NodeView, values: np.ndarray) -> np.ndarray:
    return np.zeros(len(values), bool)


@dataclass(frozen=True)
class ChannelRules:
    """What an operator does with the channels (last dimension) of its int8 data operand, input 0, for the pass that removes
    channels whose value never changes. Masks are bool [C], True for channels that stay."""

    # least and greatest value of each input channel -> of each output channel, int64 [C] each
    bounds: Callable[[NodeView, np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
    # the node without output channels: attributes and changed constant operands by position
    without_outputs: Callable[[NodeView, np.ndarray], tuple[Any, dict[int, Tensor]]]
    per_channel: bool = False  # output channel c reads input channel c alone: both go together
    # which input channels could be left out, were they constant `values` [C]
    foldable: Callable[[NodeView, np.ndarray], np.ndarray] = _refuses
    # changed constant operands by position, with the contribution of the constant `values` of removed channels folded in
    without_inputs: Callable[[NodeView, np.ndarray, np.ndarray], dict[int, Tensor]] | None = None


# ---------------------------------------------------------------- post-training quantisation

@dataclass(frozen=True)
class TiedRange:
    """Values pass through as they are: input 0, other activations and the output share one scale and zero point."""


@dataclass(frozen=True)
class FixedRange:
    """The int8 output has this scale and zero point, whatever its values."""

    scale: float
    zero_point: int


# ---------------------------------------------------------------- lowering

@dataclass(frozen=True)
class Geom:
    """C's tm_geom with ring == 0: extent in pixels and strides in elements."""

    h: int
    w: int
    c: int
    row_stride: int
    px_stride: int

    @staticmethod
    def dense(h: int, w: int, c: int) -> Geom:
        return Geom(h, w, c, w * c, c)

    @property
    def is_dense(self) -> bool:
        return (self.px_stride == self.c or self.w <= 1 and self.h <= 1) and (self.row_stride == self.w * self.c or self.h <= 1)


@dataclass(frozen=True, eq=False)
class Table:
    """A constant array in flash. `section`: "weights" counts as the network's weights, "table" as code's constants."""

    name: str  # short role: "weights", "bias", "mult", "lut"
    data: np.ndarray
    section: str = "weights"


@dataclass(frozen=True)
class Ref:
    """A pointer argument: tensor `id` in the arena, plus an element offset."""

    tensor: int
    offset: int = 0  # elements


@dataclass(frozen=True)
class Scratch:
    """A pointer argument: this call's scratch buffer."""


@dataclass(frozen=True)
class Accumulator:
    """A pointer argument: the accumulator of an operator that takes its input row by row, see OpSpec.lower_sum."""


@dataclass(frozen=True)
class RowIndex:
    """An int32 argument: the number of the row that this call handles, counted from 0."""


Arg = Ref | Table | Scratch | Accumulator | RowIndex | None  # None is NULL
# A field of a params struct: a number, a geometry, a tuple of numbers (C array) or a table (pointer).
Value = int | float | Geom | tuple[Any, ...] | Table | None


@dataclass(frozen=True)
class KernelCall:
    """One call of a runtime kernel: ``func(&params, args...)``.

    `func` is tm_<op>_<type>[_<isa>], defined in runtime_c/src/<op>_<type>[_<isa>].c and declared in
    runtime_c/include/tm/<header>.h; `params` are (field, value) pairs of struct `struct`, in declaration order.
    """

    func: str
    header: str
    struct: str
    params: tuple[tuple[str, Value], ...]
    args: tuple[Arg, ...]
    scratch_bytes: int = 0
    accumulator_bytes: int = 0  # alive from the first row to the last
    uses: tuple[str, ...] = ()  # other kernels that this one calls
    loops: tuple[str, ...] = ()  # functions that are no kernels, in files of their own, that these refer to
    # of the kernels' files, what -D<name>=0 leaves out where no call of a network needs it, and whether this one does
    parts: tuple[tuple[str, bool], ...] = ()

    def geometries(self) -> tuple[tuple[str, Ref | Table], ...] | None:
        """The geometries among the params, each with the argument that it describes: params and arguments have their tensors
        in the same order, and tables such as weights have no geometry. None where that leaves a doubt."""
        fields = [name for name, v in self.params if isinstance(v, Geom)]
        tensors = [a for a in self.args if isinstance(a, (Ref, Table))]
        for each in ([a for a in tensors if isinstance(a, Ref)], tensors):
            if len(each) == len(fields):
                return tuple(zip(fields, each, strict=True))
        return None


@dataclass(frozen=True)
class Lowering:
    """What lower() may use: the geometry of each tensor as the storage plan laid it out, the target's ISA, and what to
    favour where several kernels apply: balanced, latency, flash or ram (tinyml.variants). repeats: how often the calls
    run per inference, where a node is lowered for one of its rows. scratch_bytes: most that a kernel may use where there
    is another choice, None for any. estimated: is told the instructions of the kernel that is chosen, where an estimate is
    known; of several times the last one counts. without: kernels (as KernelCall.func names them) and parts of kernels (KernelCall.parts)
    that are not to be chosen."""

    geoms: dict[int, Geom]
    isa: frozenset[str] = frozenset()
    optimize: str = "balanced"
    repeats: int = 1
    scratch_bytes: int | None = None
    without: frozenset[str] = frozenset()
    estimated: Callable[[float], None] | None = None

    def geom(self, t: Tensor) -> Geom:
        return self.geoms[t.id]


# ---------------------------------------------------------------- cases

@dataclass(frozen=True, eq=False)
class CaseTensor:
    """A tensor of a test case; `data` makes it constant, otherwise it is fed random values from the whole range."""

    shape: tuple[int, ...]
    dtype: DType = DType.INT8
    scale: float | tuple[float, ...] | None = None
    zero_point: int | tuple[int, ...] = 0
    axis: int = 0
    data: np.ndarray | None = None
    low: float = -1.0  # range of random float inputs
    high: float = 1.0


@dataclass(frozen=True, eq=False)
class Case:
    """One operator at the level of the model file, so that the outside witness (LiteRT) can run it."""

    name: str
    options: dict[str, Any]  # fields of the builtin options table, by their schema names in CamelCase
    inputs: tuple[CaseTensor | None, ...]
    outputs: tuple[CaseTensor, ...]
    tolerance: float = 0.0  # absolute, float outputs only


# ---------------------------------------------------------------- the spec

class Options:
    """Read access to an operator's builtin options table; absent tables give the schema's defaults."""

    def get(self, name: str) -> Any:  # scalar
        raise KeyError(name)

    def vector(self, name: str) -> tuple[int, ...] | None:
        raise KeyError(name)


def _no_fold(*_: Any) -> None:
    return None


ANY_WIDTH = ("int8", "int4", "int2", "float32")  # OpSpec.dtypes of operators whose operands may have different widths


@dataclass(frozen=True)
class OpSpec:
    name: str  # builtin operator name of the schema
    options: str | None  # builtin options table of the schema
    arity: tuple[int, int]  # least and most inputs
    read: Callable[[Options, tuple[Tensor | None, ...], tuple[Tensor, ...]], Any]  # -> attrs (frozen dataclass)
    infer: Callable[[NodeView], tuple[tuple[int, ...], ...]]  # output shapes; raises Malformed / Reject on constraints
    reference: Callable[[NodeView, tuple[np.ndarray | None, ...]], tuple[np.ndarray, ...]]
    access: Callable[[NodeView], tuple[Access, ...]]  # one per input (Whole() for constants)
    lower: Callable[[NodeView, Lowering], tuple[KernelCall, ...]]
    cases: Callable[[], Iterable[Case]]
    summary: str  # one line for `tinyml ops`
    dtypes: tuple[str, ...] = ("int8", "float32")
    optional_inputs: tuple[int, ...] = ()  # operands that may be -1
    macs: Callable[[NodeView], int] = lambda n: 0
    static: bool = False  # the output depends on the inputs' shapes alone, not on their values
    strided: bool = True  # kernels take any geometry; False: dense inputs and outputs only
    # what may be shared or folded
    view: Callable[[NodeView], ViewRule | None] = _no_fold
    lower_rest: Callable[[NodeView, Lowering], tuple[KernelCall, ...]] = lambda n, low: ()
    # kernels' params begin with TM_WINDOW_FIELDS, and any rectangle of the output may be asked for (tm/window.h)
    windowed: bool = False
    # reductions over whole rows: may take the input one row at a time, in ascending order
    sums: Callable[[NodeView], bool] = lambda n: False
    lower_sum: Callable[[NodeView, Lowering], tuple[KernelCall, ...]] = lambda n, low: ()  # one row: x has the shape of one
    is_noop: Callable[[NodeView], bool] = lambda n: False  # output equals input 0 bit for bit, same shape
    as_clamp: Callable[[NodeView], tuple[float, float] | None] = _no_fold  # pure clamp in the output's domain
    with_clamp: Callable[[NodeView, float, float], Any] | None = None  # attrs with a tighter output clamp
    as_padding: Callable[[NodeView], tuple[int, int, int, int] | None] = _no_fold  # zero-padding of H,W: t,l,b,r
    with_padding: Callable[[NodeView, tuple[int, int, int, int]], Any] | None = None  # attrs with extra padding
    channels: Callable[[NodeView], ChannelRules | None] = _no_fold  # None: channels stay as they are
    int8_output: TiedRange | FixedRange | None = None  # what quantisation must respect; None: the output has a range of its own
    fixed_outputs: Mapping[DType, FixedRange] = field(default_factory=dict)  # the same where int8_output is fixed, of other types
    type_options: Mapping[DType, Mapping[str, Any]] = field(default_factory=dict)  # TypeSupport.file_options
    # an operator that no file has: two nodes, the second the only reader of the first, as one of this operator, or None
    join: Callable[[NodeView, NodeView], Node | None] | None = None
    edge: bool = False  # QUANTIZE/DEQUANTIZE: may be moved out to the network's edge
    c_limits: tuple[str, ...] = field(default=())  # documented limits, for `tinyml ops`


def model_ops() -> dict[str, OpSpec]:
    """The operators that model files have."""
    return {name: spec for name, spec in load_ops().items() if spec.join is None}


@cache
def load_ops() -> dict[str, OpSpec]:
    """Every operator, by schema name, found by looking into the package `tinyml.ops`, with the types that `tinyml.op_types` adds."""
    import tinyml.ops as package
    from tinyml.op_types import extended, supports

    specs: dict[str, OpSpec] = {}
    for info in sorted(pkgutil.iter_modules(package.__path__), key=lambda i: i.name):
        if not info.ispkg and not info.name.startswith("_"):
            spec = importlib.import_module(f"tinyml.ops.{info.name}").SPEC
            assert spec.name not in specs, spec.name
            specs[spec.name] = spec
    for more in supports():
        specs[more.op] = extended(specs[more.op], more)
    return specs
