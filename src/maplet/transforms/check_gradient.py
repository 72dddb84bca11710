"""Is a gradient right? Compared with central differences in float64."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import replace as replace_fields
from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.core.context import located
from maplet.core.recording import as_tree, record
from maplet.core.tree import leaves
from maplet.core.types import is_floating
from maplet.errors import GradientError
from maplet.ops import reduction
from maplet.settings import real, whole
from maplet.transforms.evaluate import compute
from maplet.transforms.gradient import gradient
from maplet.transforms.lost_path import refuse_lost_path
from maplet.transforms.selection import input_numbers, name_of, require_function, trainable_leaves
from maplet.transforms.widen import in_float64

if TYPE_CHECKING:
    from collections.abc import Callable

    from maplet.core.array import Array, Value

step = 6e-6  # ∛ε for float64: where the error of the difference and its rounding balance


@dataclass(frozen=True)
class Entry:
    """One derivative, found in two ways."""

    name: str
    index: tuple[int, ...]
    gradient: float
    difference: float
    sides: tuple[float, float] | None = None
    """The one-sided differences, to the left and to the right; found only where the two above disagree."""

    @property
    def error(self) -> float:
        """|gradient − difference|, relative where they are greater than 1."""
        size = max(1.0, abs(self.gradient), abs(self.difference))
        error = abs(self.gradient - self.difference) / size
        return error if np.isfinite(error) else float("inf")

    @property
    def kink(self) -> bool:
        """Whether the one-sided differences lie apart by as much as gradient and central difference do."""
        return self.sides is not None and abs(self.sides[1] - self.sides[0]) >= abs(self.gradient - self.difference)

    def __str__(self) -> str:
        place = f"{self.name}[{', '.join(map(str, self.index))}]" if self.index else self.name
        text = (
            f"{place}: gradient {self.gradient:.9g}, central difference {self.difference:.9g}, error {self.error:.2g}"
        )
        if self.sides is None or not self.kink:
            return text
        return f"{text}; possibly a kink: one-sided differences are {self.sides[0]:.9g} and {self.sides[1]:.9g}"


@dataclass(frozen=True)
class GradientCheck:
    """The report of `check_gradient`: true when every entry agrees."""

    entries: tuple[Entry, ...]
    tolerance: float

    @property
    def worst(self) -> Entry:
        """The entry with the largest error."""
        return max(self.entries, key=lambda entry: entry.error)

    @property
    def passed(self) -> bool:
        """Whether every error is within the tolerance."""
        return self.worst.error <= self.tolerance

    def __bool__(self) -> bool:
        return self.passed

    def __str__(self) -> str:
        wrong = sorted(
            (entry for entry in self.entries if entry.error > self.tolerance), key=lambda entry: -entry.error
        )
        right = f"{len(self.entries) - len(wrong)} of {len(self.entries)}"
        head = f"{right} derivatives agree with central differences (tolerance {self.tolerance:g})"
        lines = [head, *(f"  wrong: {entry}" for entry in wrong[:5])] if wrong else [head, f"  worst: {self.worst}"]
        return "\n".join(lines + ([f"  … and {len(wrong) - 5} more"] if len(wrong) > 5 else []))

    __repr__ = __str__


@located
def check_gradient(
    f: Callable[..., Any], *args: Any, tolerance: float = 1e-6, max_entries: int = 200, seed: int = 0
) -> GradientCheck:
    """Compare the gradient of a function with central differences, (f(x + h) − f(x − h)) / 2h, in float64.

    The function is recorded once, at these arguments, and its program is computed in float64 throughout, whatever
    dtypes it names; a Python ``if`` in it keeps to the way that it takes here.

    Parameters
    ----------
    f
        A function of arrays, trees or modules. If its value is no scalar, a random combination of it is checked.
    *args
        Where to check; at a kink the two rightly differ.
    tolerance
        The largest error allowed, relative where values are greater than 1.
    max_entries
        In arrays with more elements than this, so many are picked at random.

    Examples
    --------
    >>> import maplet as mp
    >>> report = check_gradient(lambda x: mp.sum(mp.sin(x)), [0.0, 1.0])
    >>> report.passed, len(report.entries)
    (True, 2)
    """
    require_function(f, example="mp.check_gradient(f, x), not mp.check_gradient(f(x))")
    tolerance = real("check_gradient: tolerance", tolerance, least=0)
    max_entries = whole("check_gradient: max_entries", max_entries, least=1)
    seed = whole("check_gradient: seed", seed, least=0)
    if not any(trainable_leaves(as_tree(argument)) for argument in args):
        raise GradientError("check_gradient: no argument holds a floating array", fix="pass 3.0 instead of 3")
    rng = np.random.default_rng(seed)

    def combined(*arguments: Any) -> Array:
        """Every result with a random weight of its own, added up: one number that depends on all of them."""
        results = [leaf for leaf in leaves(as_tree(f(*arguments))).values() if is_floating(leaf.dtype)]
        if not results:
            raise GradientError("check_gradient: the function returns no floating array")
        weights = [rng.uniform(0.5, 1.5, size=leaf.shape) if leaf.shape else 1.0 for leaf in results]
        return add_up([reduction.sum(leaf * weight) for leaf, weight in zip(results, weights, strict=True)])

    combined.__wrapped__ = f  # type: ignore[attr-defined]  (so that the inputs get the names of f's parameters)
    recording = record(combined, args, with_values=True)
    sources = [
        number
        for n, argument in enumerate(recording.arguments)
        for number in input_numbers(recording, n, trainable_leaves(argument))
    ]
    refuse_lost_path(recording.graph, sources, (0,), f"the gradient of {name_of(f)}")
    program = in_float64(recording.graph)
    point = [in_double(array.numpy()) for array in recording.given()]
    backward, _ = gradient(program, sources)
    found = compute(backward, [*point, np.ones(())])[len(program.outputs) :]

    def moved(number: int, index: tuple[int, ...], by: float) -> float:
        """The value with one element moved."""
        array = point[number].copy()
        array[index] += by
        return float(compute(program, [*point[:number], array, *point[number + 1 :]])[0])

    here = float(compute(program, point)[0])
    entries: list[Entry] = []
    for number, derivative in zip(sources, found, strict=True):
        for index in _indices(derivative.shape, max_entries, rng):
            low, high = moved(number, index, -step), moved(number, index, step)
            name = program.origins[program.inputs[number]].name
            entry = Entry(name, index, float(derivative[index]), (high - low) / (2 * step))
            if entry.error > tolerance:
                entry = replace_fields(entry, sides=((here - low) / step, (high - here) / step))
            entries.append(entry)
    if not entries:
        raise GradientError("check_gradient: the arguments hold no element to check", fix="give arrays that have some")
    return GradientCheck(tuple(entries), tolerance)


def in_double(value: Value) -> Value:
    """A floating array in float64, any other as it is."""
    return value.astype(np.float64) if is_floating(value.dtype) else value


def add_up(numbers: list[Array]) -> Array:
    """Their sum, without a zero to begin with."""
    total, *rest = numbers
    for number in rest:
        total = total + number
    return total


def _indices(shape: tuple[int, ...], limit: int, rng: np.random.Generator) -> list[tuple[int, ...]]:
    every = list(np.ndindex(shape))
    if len(every) <= limit:
        return every
    return [every[n] for n in sorted(rng.choice(len(every), size=limit, replace=False))]
