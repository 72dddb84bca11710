"""Sums of products by the names of axes, ``einsum``: of two arrays at a time, in a good order."""

# The record below is a table of short functions, all of one signature, of which each uses what it needs.
# ruff: noqa: ARG001
# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from maplet.core.index_notation import Access, Expression, Read, Reduce, indices
from maplet.core.primitive import Primitive, operation, register
from maplet.core.trace import bind
from maplet.core.types import ArrayType, kind_of, short_name, wide_enough
from maplet.errors import DTypeError, SettingError, ShapeError
from maplet.ops.arguments import meet, require
from maplet.ops.diagonals import diagonal
from maplet.ops.movement import moveaxis, permute_dims, reshape
from maplet.ops.reduction import sum as sum_over

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maplet.core.array import Array, ArrayLike

letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

# ── two arrays ───────────────────────────────────────────────────────────────────────────────────
# Every axis has a letter; no letter stands twice in one operand, and each is in the other operand or in the result.


def _extents(x: ArrayType, y: ArrayType, first: str, second: str) -> dict[str, int]:
    return {**dict(zip(first, x.shape, strict=True)), **dict(zip(second, y.shape, strict=True))}


def _shape(x: ArrayType, y: ArrayType, *, first: str, second: str, result: str) -> ArrayType:
    if x.dtype != y.dtype or kind_of(x.dtype) == "b":
        raise DTypeError(f"contract takes numbers of one dtype, given {short_name(x.dtype)} and {short_name(y.dtype)}")
    proper = len(set(first)) == len(first) == x.ndim and len(set(second)) == len(second) == y.ndim
    alone = (set(first) ^ set(second)) - set(result)
    if not proper or alone or not set(result) <= {*first, *second} or len(set(result)) != len(result):
        raise ShapeError(f"contract: {first},{second}->{result} does not say what becomes of {x.shape} and {y.shape}")
    sizes = _extents(x, y, first, second)
    if any(sizes[letter] != n for letter, n in zip(first, x.shape, strict=True)):
        raise ShapeError(f"contract: in {first},{second} a letter has two lengths: {x.shape} and {y.shape}")
    return ArrayType(tuple(sizes[letter] for letter in result), x.dtype)


def _value(x: Any, y: Any, *, first: str, second: str, result: str) -> Any:
    with np.errstate(all="ignore"):
        found = np.einsum(f"{first},{second}->{result}", wide_enough(x), wide_enough(y), optimize=True)
        return np.asarray(found).astype(x.dtype, copy=False)


def _gradient(
    g: Array, out: Array, x: Array, y: Array, *, needed: tuple[bool, bool], first: str, second: str, result: str
) -> list[Array | None]:
    return [
        bind("contract", g, y, first=result, second=second, result=first) if needed[0] else None,  # each x meets its y
        bind("contract", g, x, first=result, second=first, result=second) if needed[1] else None,
    ]


def _access(x: ArrayType, y: ArrayType, *, first: str, second: str, result: str) -> Access:
    sizes = _extents(x, y, first, second)
    summed = [letter for letter in dict.fromkeys(first + second) if letter not in result]
    names = indices(len(result) + len(summed))
    name = dict(zip([*result, *summed], names, strict=True))
    value: Expression = Read(0, tuple(name[a] for a in first)) * Read(1, tuple(name[a] for a in second))
    for letter in reversed(summed):
        value = Reduce("sum", name[letter], sizes[letter], value)
    return Access(names[: len(result)], value)


def _batch(size: int, x: Array, y: Array, *, batched: tuple[bool, bool], first: str, second: str, result: str) -> Array:
    row = next(letter for letter in letters if letter not in first + second)
    first, second = (row + own if carries else own for own, carries in zip((first, second), batched, strict=True))
    return bind("contract", x, y, first=first, second=second, result=row + result)


register(Primitive(
    "contract", shape=_shape, reference=_value, gradient=_gradient, batch=_batch, access=_access,
    notation=r"\sum {0} {1}",
    example=lambda rng: (
        [rng.normal(size=(2, 3, 4)), rng.normal(size=(4, 2, 5))], {"first": "abc", "second": "cad", "result": "db"},
    ),
))  # fmt: skip


# ── any number of arrays ─────────────────────────────────────────────────────────────────────────


@operation
def einsum(subscripts: str, /, *operands: ArrayLike) -> Array:
    """Sums of products by the names of axes: each letter is an axis, and one that the result lacks is summed over.

    ``"ij,jk->ik"`` is ``out[i,k] = Σ_j x[i,j]·y[j,k]``. A letter twice in one operand takes its diagonal; ``...``
    stands for axes without names, which are broadcast. Without ``->`` the result has the letters that stand once, in
    the order of the alphabet, behind the axes of ``...``. Three operands or more are contracted two at a time, in the
    order that NumPy's ``einsum_path`` finds.

    Parameters
    ----------
    subscripts
        One group of letters per operand, with commas between; then ``->`` and the letters of the result.
    operands
        Arrays of numbers, which meet in one dtype.

    Raises
    ------
    ShapeError
        The letters and the shapes do not fit together.

    Examples
    --------
    >>> import maplet as mp
    >>> x = mp.asarray([[1.0, 2.0], [3.0, 4.0]])
    >>> mp.einsum("ij,kj->ik", x, x)
    Array([[ 5., 11.],
           [11., 25.]], dtype=float32)
    >>> mp.einsum("ii", x)
    Array(5.)
    """
    if not isinstance(cast("object", subscripts), str):
        raise SettingError(
            f"einsum: {subscripts!r} is no text", fix='the letters come first: mp.einsum("ij,jk->ik", x, y)'
        )
    arrays = [require("einsum", x, "uif", "arrays of numbers") for x in meet(*operands)] if operands else []
    groups, result = _named(subscripts, arrays)
    sizes = _sizes(subscripts, arrays, groups)
    parts = [_distinct(x, group) for x, group in zip(arrays, groups, strict=True)]
    for positions in _order(groups, result, sizes):
        taken = [parts.pop(n) for n in sorted(positions, reverse=True)]
        while len(taken) > 1:
            one, other = taken.pop(), taken.pop()
            wanted = set(result).union(*(own for _, own in [*parts, *taken]))
            taken.append(_pair(one, other, wanted, sizes))
        parts += taken
    ((x, group),) = parts
    return _finished(x, group, result)


def _named(subscripts: str, arrays: Sequence[Array]) -> tuple[list[str], str]:
    """A group of letters for each operand, and for the result; those of ``...`` are capital letters in their turn."""
    given, arrow, result = subscripts.replace(" ", "").partition("->")
    groups = given.split(",")
    if len(groups) != len(arrays):
        raise ShapeError(
            f"einsum({subscripts!r}): {len(groups)} groups of letters for {len(arrays)} arrays",
            fix='a group for each array, commas between: "ij,jk->ik"',
        )
    for group in [*groups, result]:
        if not all(letter in letters for letter in group.replace("...", "", 1)):
            raise ShapeError(
                f"einsum({subscripts!r}): {group!r} is no group of letters",
                fix='a letter for each axis, and ... for axes without names: "...ij,jk->...ik"',
            )
    free = [letter for letter in reversed(letters) if letter not in subscripts]
    most = max((x.ndim - len(group) + 3 for x, group in zip(arrays, groups, strict=True) if "..." in group), default=0)
    names = "".join(free[: max(most, 0)])
    found: list[str] = []
    for x, group in zip(arrays, groups, strict=True):
        count = x.ndim - len(group.replace("...", ""))
        if count < 0 or (count and "..." not in group):
            raise ShapeError(
                f"einsum({subscripts!r}): {group!r} does not name the axes of an array of shape {x.shape}",
                fix="a letter for each axis, ... for those that have none",
            )
        found.append(group.replace("...", names[len(names) - count :]))
    if not arrow:
        every = "".join(groups)
        result = "..." + "".join(sorted(letter for letter in set(every) - {"."} if every.count(letter) == 1))
    result = result.replace("...", names)
    unknown = [letter for letter in result if letter not in "".join(found)]
    if unknown or len(set(result)) != len(result):
        raise ShapeError(
            f"einsum({subscripts!r}): the result has {unknown[0]!r}, which no operand has" if unknown
            else f"einsum({subscripts!r}): a letter stands twice in the result"
        )  # fmt: skip
    return found, result


def _sizes(subscripts: str, arrays: Sequence[Array], groups: Sequence[str]) -> dict[str, int]:
    """How long the axis of each letter is; an axis of length 1 is repeated."""
    sizes: dict[str, int] = {}
    for x, group in zip(arrays, groups, strict=True):
        for letter, n in zip(group, x.shape, strict=True):
            if sizes.setdefault(letter, n) == 1:
                sizes[letter] = n
            elif n not in (1, sizes[letter]):
                shapes = ", ".join(str(one.shape) for one in arrays)
                raise ShapeError(
                    f"einsum({subscripts!r}) of {shapes}: the axis {letter!r} has lengths {sizes[letter]} and {n}"
                )
    return sizes


def _distinct(x: Array, group: str) -> tuple[Array, str]:
    """An operand without letters that stand twice: the diagonal of these axes."""
    for letter in dict.fromkeys(group):
        while group.count(letter) > 1:
            one = group.index(letter)
            other = group.index(letter, one + 1)
            if x.shape[one] != x.shape[other]:
                raise ShapeError(
                    f"einsum: the axes {letter!r} of an operand have lengths {x.shape[one]}, {x.shape[other]}"
                )
            x = diagonal(moveaxis(moveaxis(x, other, -1), one, -2))
            group = group[:one] + group[one + 1 : other] + group[other + 1 :] + letter
    return x, group


def _order(groups: Sequence[str], result: str, sizes: dict[str, int]) -> list[tuple[int, ...]]:
    """Which operands are contracted one after another, by their positions among those that are left."""
    if len(groups) < 3:
        return [tuple(range(len(groups)))] if len(groups) == 2 else []
    shadows = [np.broadcast_to(np.float32(0), [sizes[letter] for letter in dict.fromkeys(group)]) for group in groups]
    text = ",".join("".join(dict.fromkeys(group)) for group in groups) + "->" + result
    path, _ = np.einsum_path(text, *shadows, optimize=("optimal" if len(groups) < 5 else "greedy", 2**62))
    return list(path[1:])


def _pair(
    one: tuple[Array, str], other: tuple[Array, str], wanted: set[str], sizes: dict[str, int]
) -> tuple[Array, str]:
    """The product of two operands, summed over the letters that nobody wants any more."""
    (x, first), (y, second) = _without_thin(*one, sizes), _without_thin(*other, sizes)
    x, first = _summed(x, first, wanted | set(second))
    y, second = _summed(y, second, wanted | set(first))
    result = "".join(letter for letter in dict.fromkeys(first + second) if letter in wanted)
    return bind("contract", x, y, first=first, second=second, result=result), result


def _without_thin(x: Array, group: str, sizes: dict[str, int]) -> tuple[Array, str]:
    """An operand without its axes of length 1 that are repeated: another one has that axis."""
    keep = [n for n, letter in enumerate(group) if x.shape[n] != 1 or sizes[letter] == 1]
    return reshape(x, tuple(x.shape[n] for n in keep)), "".join(group[n] for n in keep)


def _summed(x: Array, group: str, wanted: set[str]) -> tuple[Array, str]:
    alone = tuple(n for n, letter in enumerate(group) if letter not in wanted)
    if not alone:
        return x, group
    return sum_over(x, axis=alone, dtype=x.dtype), "".join(letter for letter in group if letter in wanted)


def _finished(x: Array, group: str, result: str) -> Array:
    x, group = _summed(x, group, set(result))
    return permute_dims(x, tuple(group.index(letter) for letter in result))
