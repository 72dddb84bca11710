"""Terms that move, add up and multiply matrices, with what is the same everywhere standing before them."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import numpy as np

from maplet.explain.recognition import adds_up_to_one
from maplet.explain.terms import factors, is_varying, without_units
from maplet.transforms.identities import as_tuples

if TYPE_CHECKING:
    from maplet.explain.algebra import Algebra
    from maplet.explain.terms import Shape, Term


def scaled(algebra: Algebra, term: Term) -> tuple[float, list[Term], list[Term], Term]:
    """A term as coefficient, scalar factors above and below, and the array that is left of it."""
    coefficient, up, down = factors(term)
    rest_up = [one for one in up if not one.is_scalar]
    rest_down = [one for one in down if not one.is_scalar]
    scalars = [one for one in up if one.is_scalar], [one for one in down if one.is_scalar]
    return coefficient, *scalars, algebra.product(rest_up, rest_down, term.shape)


def matmul(algebra: Algebra, a: Term, b: Term, shape: Shape) -> Term:
    """A product of matrices, with scalar factors before it."""
    c, up, down, a = scaled(algebra, a)
    d, more_up, more_down, b = scaled(algebra, b)
    if _is_vector(a) and _is_vector(b) and a.shape[1] == 1:
        a = algebra.make("reshape", a.parts[0].parts, (("shape", a.shape),), a.shape)  # x yᵀ, whatever x was before
    inner = [algebra.make("matmul", (a, b), (), shape)]
    if a.shape[-1:] == (1,) and len(shape) == 2 and "number" in (a.head, b.head):  # one summand, and a mere number
        inner = [a, b]
    return algebra.product([*up, *more_up, *inner], [*down, *more_down], shape, c * d)


def transpose(algebra: Algebra, a: Term) -> Term:
    """A transpose; that of a transpose is the matrix."""
    c, up, down, a = scaled(algebra, a)
    shape = a.shape[::-1]
    if a.head == "matmul" and any(part.head == "transpose" for part in a.parts):  # (aᵀ b)ᵀ is bᵀ a
        turned = matmul(algebra, transpose(algebra, a.parts[1]), transpose(algebra, a.parts[0]), shape)
        return algebra.product([*up, turned], down, shape, c)
    turned = a.parts[0] if a.head == "transpose" else algebra.make("transpose", (a,), (), shape)
    turned = algebra.number(a.settings[0], shape) if a.head == "number" else turned
    return algebra.product([*up, turned], down, shape, c)


def summed(algebra: Algebra, a: Term, axes: tuple[int, ...], shape: Shape, *, keeps: bool) -> Term:
    """A sum over axes, with what does not vary along them before it."""
    if a.head == "total":
        parts = [summed(algebra, algebra.product([part], (), a.shape), axes, shape, keeps=keeps) for part in a.parts]
        whole = algebra.total(parts, shape)
        if whole.weight < len(parts) or any(all(one.head != "sum" for one in factors(part)[1]) for part in parts):
            return whole
    elif len(expanded := algebra.expanded(a)) > 1:  # p·(a − Σp·a) adds up to 0
        whole = algebra.total([_added_up(algebra, part, axes, shape, keeps=keeps) for part in expanded], shape)
        if whole.weight < len(expanded):
            return whole
    return _added_up(algebra, a, axes, shape, keeps=keeps)


def _added_up(algebra: Algebra, a: Term, axes: tuple[int, ...], shape: Shape, *, keeps: bool) -> Term:
    """The sum of what is no sum itself."""
    coefficient, up, down = factors(a)
    ndim = len(a.shape)

    def leaves(term: Term) -> bool:
        return (term.is_scalar or keeps) and not any(is_varying(term, axis, ndim) for axis in axes)

    inside_up, inside_down = ([one for one in group if not leaves(one)] for group in (up, down))
    outside = [[narrowed(algebra, one, axes, ndim) for one in group if leaves(one)] for group in (up, down)]
    if not inside_up and not inside_down:
        count = prod(a.shape[axis] for axis in axes)
        return algebra.product(outside[0], outside[1], shape, coefficient * count)
    inner = algebra.product(inside_up, inside_down, a.shape)
    if adds_up_to_one(algebra, inner, axes):
        return algebra.product(outside[0], outside[1], shape, coefficient)
    alone = keeps and ndim == 1  # of a vector it is one number, whether it keeps the axis or not
    added = algebra.make("sum", (inner,), (axes, keeps and not alone), () if alone else shape)
    return algebra.product([*outside[0], added], outside[1], shape, coefficient)


def narrowed(algebra: Algebra, term: Term, axes: tuple[int, ...], ndim: int) -> Term:
    """A term that does not vary along some axes, of length 1 there."""
    before = ndim - len(term.shape)
    shape = tuple([1 if axis + before in axes else length for axis, length in enumerate(term.shape)])
    if shape == term.shape:
        return term
    parts = [narrowed(algebra, part, axes, ndim) for part in term.parts]
    if term.head == "total":
        return algebra.total(parts, shape)
    coefficient, above = term.settings if term.head == "product" else (term.settings[0], 0)
    return algebra.product(parts[:above], parts[above:], shape, coefficient)


def reshaped(algebra: Algebra, a: Term, shape: Shape) -> Term:
    """The same elements in another shape, with scalar factors before it."""
    _, up, down = factors(a)
    if all(one.is_scalar for one in (*up, *down)):
        return algebra.product([a], (), shape)
    only_units = without_units(a.shape) == without_units(shape)
    if a.head == "product" and only_units and all(one.shape in ((), a.shape) for one in (*up, *down)):
        c, _, _ = factors(a)
        moved = [[one if one.is_scalar else _reshaped(algebra, one, shape) for one in group] for group in (up, down)]
        return algebra.product(moved[0], moved[1], shape, c)
    if a.head in ("product", "number"):
        c, up_scalars, down_scalars, rest = scaled(algebra, a)
        return algebra.product([*up_scalars, _reshaped(algebra, rest, shape)], down_scalars, shape, c)
    return _reshaped(algebra, a, shape)


def _reshaped(algebra: Algebra, a: Term, shape: Shape) -> Term:
    inner = a.parts[0] if a.head == "reshape" else a
    if inner.head == "constant":
        settings = dict(inner.settings)
        settings["value"] = as_tuples(np.reshape(settings["value"], shape).tolist())
        return algebra.make("constant", (), tuple(settings.items()), shape)
    if len(shape) == 1 and len(inner.shape) == 2 and _is_turned(inner):
        inner = transpose(algebra, inner)  # a vector is neither row nor column: (A x)ᵀ is A x
    if inner.head == "sum":
        axes, keeps = inner.settings
        whole = inner.parts[0].shape
        if not keeps and shape == tuple(1 if axis in axes else length for axis, length in enumerate(whole)):
            return summed(algebra, inner.parts[0], axes, shape, keeps=True)
    if inner.head == "matmul" and inner.shape[:-1] == shape and is_column(inner.parts[1]):
        return algebra.make("matmul", (inner.parts[0], inner.parts[1].parts[0]), (), shape)
    return inner if inner.shape == shape else algebra.make("reshape", (inner,), (("shape", shape),), shape)


def _is_turned(a: Term) -> bool:
    """Whether it is a transpose, as a product of two transposes is."""
    return a.head == "transpose" or (a.head == "matmul" and all(part.head == "transpose" for part in a.parts))


def is_column(a: Term) -> bool:
    """Whether it is a vector that was made a matrix of one column."""
    return a.head == "reshape" and len(a.parts[0].shape) == 1 and a.shape == (*a.parts[0].shape, 1)


def _is_vector(a: Term) -> bool:
    """Whether it is a transposed row or column that was made of a vector."""
    return a.head == "transpose" and a.parts[0].head == "reshape" and len(a.parts[0].parts[0].shape) == 1
