"""Element types that come to an operator from files of their own.

Every file in `tinyml/ops/int16/` whose name has no leading underscore defines one ``SUPPORT = TypeSupport(...)`` for one operator;
nothing else lists them. :func:`tinyml.opspec.load_ops` puts them into the operator's spec, so that whoever asks the spec about a node
with such a tensor is answered by the support, and about any other node by the operator's own file.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import wraps
from typing import Any

import numpy as np

from tinyml.ir import DType, NodeView
from tinyml.opspec import Access, Case, FixedRange, KernelCall, Lowering, OpSpec, Options


@dataclass(frozen=True)
class TypeSupport:
    """What differs from the operator's own spec for nodes with a tensor of `dtype`; the fields are OpSpec's. None: as in the spec."""

    op: str  # schema name
    dtype: DType
    infer: Callable[[NodeView], tuple[tuple[int, ...], ...]]
    reference: Callable[[NodeView, tuple[np.ndarray | None, ...]], tuple[np.ndarray, ...]]
    lower: Callable[[NodeView, Lowering], tuple[KernelCall, ...]]
    cases: Callable[[OpSpec], Iterable[Case]]  # given the operator's own spec
    dtypes: tuple[str, ...]  # as `tinyml ops` shows them
    access: Callable[[NodeView], tuple[Access, ...]] | None = None
    fixed_output: FixedRange | None = None  # of a quantised output of this type
    file_options: Mapping[str, Any] = field(default_factory=dict)  # what the options in a file have to say for this type
    check_options: Callable[[Options, tuple[Any, ...]], None] | None = None  # refuses options of a file; given its inputs too
    c_limits: tuple[str, ...] = ()

    def takes(self, tensors: Iterable[Any]) -> bool:
        return any(t is not None and t.dtype is self.dtype for t in tensors)


def supports() -> list[TypeSupport]:
    """All of them, found by looking into the package `tinyml.ops.int16`."""
    import tinyml.ops.int16 as package

    names = sorted(m.name for m in pkgutil.iter_modules(package.__path__) if not m.name.startswith("_"))
    return [importlib.import_module(f"{package.__name__}.{name}").SUPPORT for name in names]


def extended(spec: OpSpec, more: TypeSupport) -> OpSpec:
    """`spec`, with nodes that have a tensor of the support's type answered by the support."""

    def either(own: Callable[..., Any], theirs: Callable[..., Any] | None) -> Callable[..., Any]:
        if theirs is None:
            return own

        @wraps(own)
        def dispatch(n: NodeView, *rest: Any) -> Any:
            return theirs(n, *rest) if more.takes((*n.inputs, *n.outputs)) else own(n, *rest)

        return dispatch

    @wraps(spec.read)  # a .tml file's attributes are of the type that it says it returns
    def read(o: Options, inputs: tuple[Any, ...], outputs: tuple[Any, ...]) -> Any:
        if more.check_options is not None and more.takes((*inputs, *outputs)):
            more.check_options(o, inputs)
        return spec.read(o, inputs, outputs)

    return replace(
        spec,
        read=read,
        infer=either(spec.infer, more.infer),
        reference=either(spec.reference, more.reference),
        lower=either(spec.lower, more.lower),
        access=either(spec.access, more.access),
        channels=either(spec.channels, lambda n: None),
        sums=either(spec.sums, lambda n: False),
        cases=lambda: (*spec.cases(), *more.cases(spec)),
        dtypes=(*spec.dtypes, *more.dtypes),
        fixed_outputs={**spec.fixed_outputs, **({more.dtype: more.fixed_output} if more.fixed_output else {})},
        type_options={**spec.type_options, more.dtype: more.file_options},
        c_limits=(*spec.c_limits, *more.c_limits),
    )
