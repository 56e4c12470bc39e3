"""Inputs for run, verify and bench: from .npy and .npz files, or random."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tinyml.errors import UsageError
from tinyml.ir import DType, Graph, Tensor

Sample = list[np.ndarray]  # one array per network input, in the model file's dtype and shape


@dataclass(frozen=True, eq=False)
class Samples:
    """N samples; labels where the file has them."""

    inputs: list[Sample]
    labels: np.ndarray | None = None


def model_inputs(graph: Graph) -> list[Tensor]:
    return [graph.io_input(k) for k in range(len(graph.inputs))]


def random_samples(graph: Graph, count: int, seed: int = 0) -> Samples:
    """Values over the whole range of integers; floats over the range the model's first QUANTIZE covers, or -1..1."""
    rng = np.random.default_rng(seed)
    out: list[Sample] = []
    for _ in range(count):
        sample = []
        for k, t in enumerate(model_inputs(graph)):
            if t.dtype is DType.FLOAT32:
                q = graph.tensors[graph.inputs[k]]
                lo, hi = (-1.0, 1.0)
                if q.quant is not None and q.dtype is DType.INT8:
                    # a little beyond both ends, so that saturation is tried too
                    lo, hi = q.scale * (-136 - q.zero_point), q.scale * (135 - q.zero_point)
                sample.append(rng.uniform(lo, hi, t.shape).astype(np.float32))
            else:
                info = np.iinfo(t.dtype.numpy)
                sample.append(rng.integers(info.min, info.max, t.shape, dtype=t.dtype.numpy, endpoint=True))
        out.append(sample)
    return Samples(out)


def load_samples(path: Path, graph: Graph, convert_float: bool = False, limit: int | None = None) -> Samples:
    """From X.npy (one input) or X.npz: keys 0, 1, ... for several inputs; else `inputs`, else the first array that fits;
    labels from `labels`. Arrays hold N samples on the batch axis. Raises UsageError with what is wrong."""
    arrays = _read(path)
    tensors = model_inputs(graph)
    if len(tensors) > 1 or ("0" in arrays and "inputs" not in arrays):
        missing = [str(k) for k in range(len(tensors)) if str(k) not in arrays]
        if missing:
            raise UsageError(str(path), f"has no array {', '.join(missing)}", f"the model has {len(tensors)} inputs: name them 0, 1, ...")
        columns = [_fit(path, arrays[str(k)], t, graph, k, convert_float) for k, t in enumerate(tensors)]
    else:
        columns = [_fit(path, _choose(path, arrays, tensors[0]), tensors[0], graph, 0, convert_float)]
    if len({len(c) for c in columns}) != 1:
        raise UsageError(str(path), "arrays hold different numbers of samples", "give each input the same number")
    count = len(columns[0])
    if count == 0:
        raise UsageError(str(path), "holds no samples", "give at least one")
    labels = arrays.get("labels")
    if labels is not None and (labels.ndim != 1 or len(labels) != count):
        raise UsageError(str(path), f"has {labels.shape} labels for {count} samples", "give one label per sample")
    count = min(count, limit) if limit else count
    return Samples([[c[n] for c in columns] for n in range(count)], None if labels is None else labels[:count])


def _read(path: Path) -> dict[str, np.ndarray]:
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return {"inputs": loaded}
        with loaded:
            return {k: loaded[k] for k in loaded.files}
    except FileNotFoundError:
        raise UsageError(str(path), "no such file", "give a .npy or .npz file") from None
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as e:
        raise UsageError(
            str(path), f"is not a readable .npy or .npz file ({type(e).__name__})", "save it with numpy.save or numpy.savez"
        ) from None


def _choose(path: Path, arrays: dict[str, np.ndarray], t: Tensor) -> np.ndarray:
    for key in ("inputs", *arrays):
        if key in arrays and key != "labels" and _samples_of(arrays[key], t) is not None:
            return arrays[key]
    shapes = ", ".join(f"{k} {v.shape}" for k, v in arrays.items())
    raise UsageError(str(path), f"no array holds samples of shape {t.shape[1:]} (found {shapes})", "check the model's input shape")


def _samples_of(x: np.ndarray, t: Tensor) -> np.ndarray | None:
    """[N, *t.shape] of an array whose first axis is the batch axis (or that is one sample)."""
    batch, rest = t.shape[0] if t.shape else 1, t.shape[1:]
    if x.shape == t.shape:
        return x.reshape(1, *t.shape)
    if x.ndim >= 1 and x.shape[1:] == rest and x.shape[0] % max(1, batch) == 0:
        return x.reshape(-1, *t.shape)
    flat = int(np.prod(rest, dtype=np.int64))
    if x.ndim == 2 and batch == 1 and x.shape[1] == flat:
        return x.reshape(-1, *t.shape)
    return None


def _fit(path: Path, x: np.ndarray, t: Tensor, graph: Graph, k: int, convert_float: bool) -> np.ndarray:
    samples = _samples_of(x, t)
    if samples is None:
        raise UsageError(str(path), f"array of shape {x.shape} for an input of shape {t.shape}", "put samples on the first axis")
    wanted = t.dtype.numpy
    if samples.dtype == wanted:
        out = samples
    elif wanted == np.float32 and samples.dtype.kind in "uif":
        out = samples.astype(np.float32)
    elif samples.dtype == np.uint8 and wanted == np.int8:
        out = (samples.astype(np.int16) - 128).astype(np.int8)  # the usual image convention: pixel minus 128
    elif samples.dtype.kind == "f" and t.dtype is DType.INT8:
        if not convert_float:
            raise UsageError(str(path), f"{samples.dtype} values for an int8 input", "pass --float to quantise them, or save int8")
        # as the model's own QUANTIZE would: float32 division, halves away from zero
        q = samples.astype(np.float32) / np.float32(t.scale)
        if not np.isfinite(q).all():
            raise UsageError(str(path), "holds NaN or infinite values", "clean the data first")
        whole = np.trunc(q)
        whole += np.sign(q) * (np.abs(q - whole) >= 0.5)
        out = np.clip(whole + t.zero_point, -128, 127).astype(np.int8)
    else:
        raise UsageError(str(path), f"{samples.dtype} values for a {t.dtype.value} input", f"save them as {t.dtype.value}")
    if out.dtype.kind == "f" and not np.isfinite(out).all():
        raise UsageError(str(path), "holds NaN or infinite values", "clean the data first")
    return np.ascontiguousarray(out)
