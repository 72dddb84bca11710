"""Is a gradient right? Compared with central differences in float64."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import replace as replace_fields
from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.core.array import Array, Parameter
from maplet.core.recording import argument_names, as_tree
from maplet.core.tree import leaves, replace, unchanged
from maplet.core.types import is_floating
from maplet.errors import GradientError
from maplet.ops import reduction
from maplet.transforms.derivatives import grad, trainable_leaves

if TYPE_CHECKING:
    from collections.abc import Callable

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


def check_gradient(
    f: Callable[..., Any], *args: Any, tolerance: float = 1e-6, max_entries: int = 200, seed: int = 0
) -> GradientCheck:
    """Compare the gradient of a function with central differences, (f(x + h) − f(x − h)) / 2h, in float64.

    Parameters
    ----------
    f
        A function of arrays, trees or modules. If its value is no scalar, a random combination of it is checked.
    *args
        Where to check. Floating arrays are converted to float64; at a kink the two rightly differ.
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
    rng = np.random.default_rng(seed)
    exact = [replace(as_tree(arg), _in_float64) for arg in args]
    chosen = [n for n, arg in enumerate(exact) if trainable_leaves(arg)]
    if not chosen:
        raise GradientError("check_gradient: no argument holds a floating array", fix="pass 3.0 instead of 3")
    names = argument_names(f, len(exact))
    weights: dict[str, Any] = {}

    def combined(*arguments: Any) -> Array:
        """Every result with a random weight of its own, added up: one number that depends on all of them."""
        results = leaves(as_tree(f(*arguments)))
        floating = {path: leaf for path, leaf in results.items() if is_floating(leaf.dtype)}
        for path, leaf in floating.items():
            weights.setdefault(path, rng.uniform(0.5, 1.5, size=leaf.shape) if leaf.shape else 1.0)
        if not floating:
            raise GradientError("check_gradient: the function returns no floating array")
        return add_up([reduction.sum(leaf * weights[path]) for path, leaf in floating.items()])

    gradients = grad(combined, chosen)(*_copy(exact))
    entries: list[Entry] = []
    for number, tree in zip(chosen, gradients, strict=True):
        for path, gradient in leaves(tree).items():
            value = gradient.numpy()
            for index in _indices(value.shape, max_entries, rng):
                low, high = (float(combined(*_moved(exact, number, path, index, h))) for h in (-step, step))
                name = ".".join(part for part in (names[number], path) if part)
                entry = Entry(name, index, float(value[index]), (high - low) / (2 * step))
                if entry.error > tolerance:
                    here = float(combined(*_copy(exact)))
                    entry = replace_fields(entry, sides=((here - low) / step, (high - here) / step))
                entries.append(entry)
    if not entries:
        raise GradientError("check_gradient: the arguments hold no element to check")
    return GradientCheck(tuple(entries), tolerance)


def add_up(numbers: list[Array]) -> Array:
    """Their sum, without a zero to begin with."""
    total, *rest = numbers
    for number in rest:
        total = total + number
    return total


def _in_float64(leaf: Any) -> Any:
    if not isinstance(leaf, Array) or not is_floating(leaf.dtype):
        return leaf
    if isinstance(leaf, Parameter):
        return Parameter(leaf, np.float64, trainable=leaf.trainable)
    return Array(leaf, np.float64)


def _copy(tree: Any) -> Any:
    """The same tree with objects of its own: what the function writes in them is forgotten."""
    return replace(tree, unchanged)


def _moved(arguments: list[Any], number: int, path: str, index: tuple[int, ...], by: float) -> list[Any]:
    """The arguments with one element moved."""
    target = leaves(arguments[number])[path]

    def move(leaf: Any) -> Any:
        if leaf is not target:
            return leaf
        value = target.numpy().copy()
        value[index] += by
        return Parameter(value) if isinstance(target, Parameter) else Array(value)

    return [replace(arg, move) if n == number else _copy(arg) for n, arg in enumerate(arguments)]


def _indices(shape: tuple[int, ...], limit: int, rng: np.random.Generator) -> list[tuple[int, ...]]:
    every = list(np.ndindex(shape))
    if len(every) <= limit:
        return every
    return [every[n] for n in sorted(rng.choice(len(every), size=limit, replace=False))]
