"""JSON for the data between stages (Graph, Schedule, Plan, Placement, reports), driven by the dataclasses' own type hints.

Dataclasses become objects by field name, tuples and lists arrays, enums their values, dicts objects with their keys as text,
numpy arrays {"dtype", "shape", "base64"} (C order, little endian). Where a hint leaves several dataclasses open (the fields of a
kernel's params) and their fields do not tell them apart, the object says which under "$type". An operator's attributes are read as what its OpSpec.read
returns. Numbers that JSON has no text for are the strings "inf", "-inf" and "nan".
"""

from __future__ import annotations

import base64
import math
import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np

from tinyml import opspec
from tinyml.ir import Node
from tinyml.opspec import load_ops

T = TypeVar("T")
_NON_FINITE = ("inf", "-inf", "nan")
# what may stand where a hint leaves the class open
_TAGGED = {c.__name__: c for c in vars(opspec).values() if isinstance(c, type) and is_dataclass(c) and c.__module__ == opspec.__name__}


def to_json(obj: Any) -> Any:
    """`obj` as dicts, lists, strings, numbers and None, for json.dumps. TypeError for what no hint could bring back."""
    if obj is None or isinstance(obj, (bool, str)):
        return obj
    if isinstance(obj, Enum):
        return obj.value
    if isinstance(obj, (int, np.integer)):
        return int(obj)
    if isinstance(obj, (float, np.floating)):
        return float(obj) if math.isfinite(obj) else str(float(obj))
    if isinstance(obj, np.ndarray):
        return _array_to_json(obj)
    if isinstance(obj, Mapping):
        return {str(k): to_json(v) for k, v in obj.items()}
    if isinstance(obj, (tuple, list)):
        return [to_json(v) for v in obj]
    if isinstance(obj, (set, frozenset)):
        return sorted(to_json(v) for v in obj)
    if is_dataclass(obj) and not isinstance(obj, type):
        tag = {"$type": type(obj).__name__} if type(obj) is _TAGGED.get(type(obj).__name__) else {}
        return {**tag, **{f.name: to_json(getattr(obj, f.name)) for f in fields(obj)}}
    raise TypeError(f"no JSON form for {type(obj).__name__}")


def from_json(cls: type[T], data: Any) -> T:
    """The `cls` that to_json(...) wrote as `data`. ValueError, naming the field, where `data` is no such thing."""
    return _read(cls, data, cls.__name__)


def _array_to_json(a: np.ndarray) -> dict[str, Any]:
    little = np.ascontiguousarray(a).astype(a.dtype.newbyteorder("<"), copy=False)
    return {"dtype": a.dtype.name, "shape": list(a.shape), "base64": base64.b64encode(little.tobytes()).decode("ascii")}


def _array_from_json(data: Any, where: str) -> np.ndarray:
    try:
        dtype = np.dtype(data["dtype"]).newbyteorder("<")
        if dtype.kind not in "biuf":
            raise ValueError(f"type {dtype}")
        flat = np.frombuffer(base64.b64decode(data["base64"], validate=True), dtype)
        out = flat.reshape(data["shape"]).astype(dtype.newbyteorder("="), copy=False)
    except (TypeError, KeyError, ValueError) as error:
        raise ValueError(f"{where}: not an array ({error})") from error
    out.setflags(write=False)
    return out


def _read(hint: Any, data: Any, where: str) -> Any:
    """`data` as the type `hint`."""
    origin, args = get_origin(hint), get_args(hint)
    if hint is Any or (hint is not type(None) and _open(hint)):
        fitting = [c for c in args if is_dataclass(c) and isinstance(data, dict) and set(data) == {f.name for f in fields(c)}]
        return _read_dataclass(fitting[0], data, where) if len(fitting) == 1 else _read_open(data, where)
    if origin in (Union, types.UnionType):
        (only,) = (a for a in args if a is not type(None))
        return None if data is None else _read(only, data, where)
    if isinstance(hint, type) and is_dataclass(hint):
        return _read_dataclass(hint, data, where)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint(data)
    if hint is np.ndarray:
        return _array_from_json(data, where)
    if origin in (tuple, list, frozenset, set):
        return origin(_read_items(args, origin is tuple, data, where))
    if origin in (dict, Mapping):
        _expect(isinstance(data, dict), where, "an object", data)
        return {_key(args[0], k, where): _read(args[1], v, f"{where}[{k}]") for k, v in data.items()}
    return _read_scalar(hint, data, where)


def _open(hint: Any) -> bool:
    """More than one kind of thing is possible, so that the data itself has to say which."""
    return get_origin(hint) in (Union, types.UnionType) and len([a for a in get_args(hint) if a is not type(None)]) > 1


def _read_open(data: Any, where: str) -> Any:
    if isinstance(data, list):
        return tuple(_read_open(v, f"{where}[{k}]") for k, v in enumerate(data))
    if isinstance(data, dict) and "$type" in data:
        _expect(data["$type"] in _TAGGED, where, f"one of {', '.join(_TAGGED)}", data["$type"])
        return _read_dataclass(_TAGGED[data["$type"]], data, where)
    if isinstance(data, dict) and set(data) == {"dtype", "shape", "base64"}:
        return _array_from_json(data, where)
    if isinstance(data, dict):
        return {k: _read_open(v, f"{where}.{k}") for k, v in data.items()}
    return float(data) if data in _NON_FINITE and isinstance(data, str) else data


def _read_items(args: tuple[Any, ...], is_tuple: bool, data: Any, where: str) -> list[Any]:
    _expect(isinstance(data, list), where, "an array", data)
    if not is_tuple or args[1:] == (...,):
        hints = [args[0]] * len(data)
    else:
        hints = list(args)
        _expect(len(hints) == len(data), where, f"{len(hints)} entries", data)
    return [_read(h, v, f"{where}[{k}]") for k, (h, v) in enumerate(zip(hints, data, strict=True))]


def _read_scalar(hint: Any, data: Any, where: str) -> Any:
    if hint is float:  # a hint of float admits int, and which of both it was is kept
        if isinstance(data, str) and data in _NON_FINITE:
            return float(data)
        _expect(isinstance(data, (int, float)) and not isinstance(data, bool), where, "a number", data)
    elif hint is int:
        _expect(isinstance(data, int) and not isinstance(data, bool), where, "a whole number", data)
    elif hint in (str, bool):
        _expect(isinstance(data, hint), where, hint.__name__, data)
    else:
        raise TypeError(f"{where}: no JSON form for {hint}")
    return data


def _key(hint: Any, text: str, where: str) -> Any:
    try:
        return int(text) if hint is int else hint(text)
    except ValueError as error:
        raise ValueError(f"{where}: key '{text}' is not {hint.__name__}") from error


@cache
def _hints(cls: type) -> dict[str, Any]:
    return get_type_hints(cls)


@cache
def attrs_class(op: str) -> type:
    """The dataclass of an operator's attributes: what its OpSpec.read is annotated to return."""
    return get_type_hints(load_ops()[op].read)["return"]


def _read_dataclass(cls: type, data: Any, where: str) -> Any:
    _expect(isinstance(data, dict), where, "an object", data)
    hints = dict(_hints(cls))
    if cls is Node:
        _expect(data.get("op") in load_ops(), f"{where}.op", "an operator's name", data.get("op"))
        hints["attrs"] = attrs_class(data["op"])
    names = {f.name: f for f in fields(cls) if f.init}
    unknown = set(data) - set(names) - {"$type"}
    _expect(not unknown, where, f"fields {', '.join(names)}", sorted(unknown))
    missing = [n for n, f in names.items() if n not in data and f.default is MISSING and f.default_factory is MISSING]
    _expect(not missing, where, f"fields {', '.join(missing)} too", sorted(data))
    return cls(**{n: _read(hints[n], data[n], f"{where}.{n}") for n in names if n in data})


def _expect(ok: bool, where: str, what: str, found: Any) -> None:
    if not ok:
        raise ValueError(f"{where}: expected {what}, found {str(found)[:60]}")
