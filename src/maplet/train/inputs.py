"""The data that a network is fitted to: trees of arrays whose first axis counts the samples."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from maplet.core.array import Array, from_value, refuse_masked
from maplet.core.tree import leaves, replace
from maplet.core.types import default_float, is_floating, kind_of, short_name
from maplet.data import check_array
from maplet.errors import DataError, ShapeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maplet.core.tree import Stateful

logger = logging.getLogger("maplet")


@dataclass(frozen=True)
class Samples:
    """Inputs, targets and, where given, a weight per sample; all in the dtype that the network computes in."""

    x: Any
    y: Any
    weights: Any = None

    @property
    def count(self) -> int:
        """How many samples there are."""
        return next(iter(leaves(self.x).values())).shape[0]

    def input_shape(self) -> list[int]:
        """The shape of one input with a batch axis of 1; empty where the input is a tree of several arrays."""
        return [1, *self.x.shape[1:]] if isinstance(self.x, Array) else []

    def rows(self, index: Any) -> Samples:
        """Some of the samples: a mini-batch."""
        return Samples(*(rows_of(part, index) for part in self.parts()))

    def parts(self) -> tuple[Any, Any, Any]:
        """Inputs, targets, weights."""
        return self.x, self.y, self.weights

    def weight(self) -> float:
        """What they count together: their number, or the sum of their weights."""
        return float(self.count) if self.weights is None else float(self.weights.numpy().sum(dtype=np.float64))

    def fingerprint(self) -> str:
        """SHA-256 over names, types and bytes."""
        digest = hashlib.sha256()
        for part in self.parts():
            for name, leaf in leaves(part).items():
                digest.update(f"{name}:{leaf.type};".encode())
                digest.update(np.ascontiguousarray(leaf.numpy()).data)
        return digest.hexdigest()


def rows_of(tree: Any, index: Any) -> Any:
    """The same rows of every array in a tree."""
    return replace(tree, lambda leaf: from_value(leaf.numpy()[index]) if isinstance(leaf, Array) else leaf)


def compute_dtype(net: Stateful) -> np.dtype[Any]:
    """The dtype in which a network computes: that of its first floating leaf."""
    return next((leaf.dtype for leaf in leaves(net).values() if is_floating(leaf.dtype)), default_float)


def as_samples(data: Any, dtype: np.dtype[Any], name: str, *, quiet: bool = False) -> Samples:
    """Read ``(x, y)`` or ``(x, y, weights)``; floating data is converted to the network's dtype and checked.

    That it is converted is logged, unless ``quiet``.
    """
    parts = list(cast("Sequence[Any]", data)) if isinstance(data, tuple | list) else []
    if len(parts) == 3 and parts[2] is None:
        parts.pop()
    if not 2 <= len(parts) <= 3:
        raise DataError(
            f"the {name} data is a pair (x, y), or (x, y, weights), not {type(cast('object', data)).__name__}",
            fix="give arrays; to train on what comes in blocks (x, y), give mp.data.Stream(blocks)",
        )
    labels = ("x", "y", "weights")
    samples = Samples(*(
        as_inputs(part, dtype, f"{name} {label}", quiet=quiet) for part, label in zip(parts, labels, strict=False)
    ))  # fmt: skip
    shapes = {path: leaf.shape for path, leaf in leaves(dict(zip(labels, samples.parts(), strict=True))).items()}
    if len({shape[:1] for shape in shapes.values()}) != 1 or () in shapes.values():
        shown = ", ".join(f"{path} {shape}" for path, shape in shapes.items())
        raise ShapeError(
            f"the {name} data has parts of different length: {shown}", fix="the first axis counts the samples"
        )
    if samples.weights is not None and not (samples.weights.numpy().min() >= 0 and samples.weight() > 0):
        fix = "give each sample a weight ≥ 0, and at least one of them > 0"
        raise DataError(f"the weights of the {name} data are negative, or add up to 0", fix=fix)
    return samples


def as_inputs(tree: Any, dtype: np.dtype[Any], name: str, *, quiet: bool = False) -> Any:
    """Arrays in the network's dtype, free of NaN and infinities; nested lists of numbers are one array."""
    given = tree
    if isinstance(tree, list | tuple) and not _holds_arrays(cast("Any", tree)):
        given = Array(cast("Any", tree))
    inputs = replace(given, lambda leaf: _as_input(leaf, dtype, name, quiet=quiet))
    if not leaves(inputs):
        fix = "give an array, or a tuple or dict of arrays"
        raise DataError(f"{name} is {type(given).__name__}, which holds no array", fix=fix)
    return inputs


def _holds_arrays(tree: Any) -> bool:
    if isinstance(tree, list | tuple):
        return any(map(_holds_arrays, cast("Sequence[Any]", tree)))
    return isinstance(tree, Array | np.ndarray | dict)


def _as_input(leaf: Any, dtype: np.dtype[Any], name: str, *, quiet: bool) -> Any:
    if leaf is None or isinstance(leaf, str | int | float):
        return leaf
    refuse_masked(leaf)
    value = leaf.numpy() if isinstance(leaf, Array) else np.asarray(leaf)
    check_array(name, value)
    if kind_of(value.dtype) == "f" and value.dtype != dtype:
        if not quiet:
            given = value.dtype
            logger.info("%s is %s; converted to %s, in which the network computes", name, given, short_name(dtype))
        with np.errstate(over="ignore"):  # what becomes infinite is an error of its own
            converted = Array(value, dtype)
        check_array(f"{name} (as {short_name(dtype)})", converted.numpy())
        return converted
    return Array(value)
