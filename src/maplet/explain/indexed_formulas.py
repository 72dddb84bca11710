"""Terms as formulas element by element: ``Σ[k] X[k,i]·(softmax(z)[k,j] − [y[k] = j])``."""

from __future__ import annotations

from itertools import chain, count, islice
from typing import TYPE_CHECKING

from maplet.core.index_notation import letters
from maplet.explain.formula import (
    Formula,
    Function,
    Group,
    Name,
    Places,
    Row,
    Script,
    Sign,
    added,
    fenced,
    multiplied,
    row,
    whole,
)
from maplet.explain.print_text import text
from maplet.explain.term_formulas import applied, arranged, exact_number, matrix_formula
from maplet.explain.terms import Term, without_units

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from maplet.explain.term_formulas import Names


class Indexed:
    """Writes terms element by element; each sum takes letters of its own.

    Parameters
    ----------
    names
        Terms that have a name, and are called by it.
    taken
        What variables are called: these are no letters for places.
    """

    def __init__(self, names: Names, taken: Collection[str] = ()) -> None:
        self.names = names
        self.fresh = (letter for letter in chain(letters, (f"i{n}" for n in count(1))) if letter not in taken)

    def letters(self, number: int) -> list[str]:
        """Letters that were not used yet."""
        return list(islice(self.fresh, number))

    def bound(self, lengths: Sequence[int]) -> list[str]:
        """Letters for the axes of a sum; of an axis of length 1 there is only place 0."""
        return [self.letters(1)[0] if length != 1 else "0" for length in lengths]

    def formula(self, term: Term, at: Sequence[str], *, defines: bool = False) -> Formula:
        """The element of a term at a place; a term of fewer axes is repeated, its axes standing last."""
        own = zip(at[len(at) - len(term.shape) :], term.shape, strict=True)
        place = [i if length != 1 else "0" for i, length in own]
        if term.head == "symbol" or (term in self.names and not defines):
            return element(Name(self.names.get(term) or term.settings[0]), place)
        if term.head == "number":
            return exact_number(term.settings[0])
        if term.head == "apart":
            return self.formula(term.parts[0], at)
        if term.head in ("product", "total"):
            return arranged(term, lambda part: self.formula(part, at), in_matrices=False)
        return operations.get(term.head, _element_by_element)(self, term, place)

    def place(self, term: Term, at: Sequence[str]) -> str:
        """An element that is itself a place: the ``y[k]`` of ``p[k,y[k]]``."""
        return text(self.formula(term, at))


def _element_by_element(writer: Indexed, term: Term, at: list[str]) -> Formula:
    """An operation of the elements at one place; of what is none, the element of the whole."""
    if term.parts and all(part.shape in ((), term.shape) for part in term.parts):
        return applied(term, [writer.formula(part, at) for part in term.parts])
    return _of_whole(writer, term, at)


def _of_whole(writer: Indexed, term: Term, at: list[str]) -> Formula:
    return element(fenced(matrix_formula(term, writer.names, defines=True), whole), at)


def _matmul(writer: Indexed, term: Term, at: list[str]) -> Formula:
    """``Σ_k a[i,k]·b[k,j]``; where b is a vector there is no j; of one summand there is no sum."""
    a, b = term.parts
    (k,) = bound = writer.bound(a.shape[-1:])
    vector = len(b.shape) == 1
    left = writer.formula(a, [*at, k] if vector else [*at[:-1], k])
    right = writer.formula(b, [k] if vector else [*at[:-2], k, at[-1]])
    return _sum_over(bound, row(fenced(left, multiplied), "·", fenced(right, multiplied)))


def _sum(writer: Indexed, term: Term, at: list[str]) -> Formula:
    """``Σ_k a[i,k]``."""
    axes: tuple[int, ...] = term.settings[0]
    keeps: bool = term.settings[1]
    bound = writer.bound([term.parts[0].shape[axis] for axis in axes])
    free = iter([i for n, i in enumerate(at) if n not in axes] if keeps else at)
    taken = iter(bound)
    inside = [next(taken) if axis in axes else next(free) for axis in range(len(term.parts[0].shape))]
    return _sum_over(bound, writer.formula(term.parts[0], inside))


def _reshape(writer: Indexed, term: Term, at: list[str]) -> Formula:
    """The same element, where only axes of length 1 come or go."""
    (inner,) = term.parts
    if without_units(term.shape) != without_units(inner.shape):
        return _of_whole(writer, term, at)
    moved = iter([i for i, length in zip(at, term.shape, strict=True) if length != 1])
    return writer.formula(inner, [next(moved) if n != 1 else "0" for n in inner.shape])


def _one_hot(writer: Indexed, term: Term, at: list[str]) -> Formula:
    return Group("[", row(writer.formula(term.parts[0], at[:-1]), "=", Name(at[-1])), "]")


def _pick(writer: Indexed, term: Term, at: list[str]) -> Formula:
    """``p[k,y[k]]``."""
    return writer.formula(term.parts[0], [at[0], writer.place(term.parts[1], at)])


def _take(writer: Indexed, term: Term, at: list[str]) -> Formula:
    """``E[i[k],j]``."""
    settings: dict[str, int] = dict(term.settings)
    if settings.get("batch"):
        return _of_whole(writer, term, at)
    x, positions = term.parts
    axis, end = settings["axis"], settings["axis"] + len(positions.shape)
    return writer.formula(x, [*at[:axis], writer.place(positions, at[axis:end]), *at[end:]])


def _slice(writer: Indexed, term: Term, at: list[str]) -> Formula:
    """``x[i+1,j]``; ``x[2·j]`` of every second."""
    (x,), settings = term.parts, dict(term.settings)
    every = list(zip(at, settings["starts"], settings["steps"], strict=True))
    if not all(step == 1 or (step > 0 and place.isalpha()) for place, _, step in every):
        return _of_whole(writer, term, at)
    return writer.formula(x, [_plus(_times(step, place), str(start)) for place, start, step in every])


def _pad(writer: Indexed, term: Term, at: list[str]) -> Formula:
    """``x[i,j−1]``: an element outside of an array is 0."""
    (x,), settings = term.parts, dict(term.settings)
    if any(settings["between"]) or any(n == 1 != m for n, m in zip(x.shape, term.shape, strict=True)):
        return _of_whole(writer, term, at)
    return writer.formula(x, [_plus(place, str(low), "−") for place, low in zip(at, settings["low"], strict=True)])


def _permute(writer: Indexed, term: Term, at: list[str]) -> Formula:
    axes: tuple[int, ...] = dict(term.settings)["axes"]
    return writer.formula(term.parts[0], [at[axes.index(axis)] for axis in range(len(axes))])


def _add_at(writer: Indexed, term: Term, at: list[str]) -> Formula:
    """``Σ_k [i[k] = r]·g[k,j]``: the rows whose number it is."""
    settings: dict[str, int] = dict(term.settings)
    if settings.get("batch"):
        return _of_whole(writer, term, at)
    (rows, positions), axis = term.parts, settings["axis"]
    bound = writer.bound(positions.shape)
    chosen = Group("[", row(writer.formula(positions, bound), "=", Name(at[axis])), "]")
    added_up = writer.formula(rows, [*at[:axis], *bound, *at[axis + 1 :]])
    return _sum_over(bound, row(chosen, "·", fenced(added_up, multiplied)))


def _conv(writer: Indexed, term: Term, at: list[str]) -> Formula:
    """``Σ[k,c] x[n,p+k,c]·w[k,c,o]``."""
    x, w = term.parts
    spatial = len(dict(term.settings)["strides"])
    (n, *places), groups, out = at[: spatial + 1], at[spatial + 1 : -1], at[-1]
    *kernel, channel = bound = writer.bound([*w.shape[:spatial], w.shape[-2]])
    found = writer.formula(x, [n, *_under(places, kernel, term), *groups, channel])
    return _sum_over(bound, row(found, "·", writer.formula(w, [*kernel, *groups, channel, out])))


def _conv_kernel(writer: Indexed, term: Term, at: list[str]) -> Formula:
    """``Σ[n,p] x[n,p+k,c]·g[n,p,o]``."""
    x, g = term.parts
    spatial = len(dict(term.settings)["strides"])
    kernel, groups, (channel, out) = at[:spatial], at[spatial:-2], at[-2:]
    n, *places = bound = writer.bound(g.shape[: spatial + 1])
    found = writer.formula(x, [n, *_under(places, kernel, term), *groups, channel])
    return _sum_over(bound, row(found, "·", writer.formula(g, [n, *places, *groups, out])))


def _conv_input(writer: Indexed, term: Term, at: list[str]) -> Formula:
    """``Σ[p,k,o] [p+k = a]·g[n,p,o]·w[k,c,o]``; with strides and dilation of 1, ``Σ[k,o] g[n,a−k,o]·w[k,c,o]``."""
    g, w = term.parts
    steps: dict[str, Sequence[int]] = dict(term.settings)
    spatial = len(steps["strides"])
    (n, *targets), groups, channel = at[: spatial + 1], at[spatial + 1 : -1], at[-1]
    if set(steps["strides"]) == {1}:
        *kernel, out = bound = writer.bound([*w.shape[:spatial], w.shape[-1]])
        places = [_plus(a, _times(d, k), "−") for a, k, d in zip(targets, kernel, steps["dilation"], strict=True)]
        chosen: list[Formula] = []
    else:
        *both, out = bound = writer.bound([*g.shape[1 : spatial + 1], *w.shape[:spatial], w.shape[-1]])
        places, kernel = both[:spatial], both[spatial:]
        under = _under(places, kernel, term)
        chosen = [Group("[", row(Name(u), "=", Name(a)), "]") for u, a in zip(under, targets, strict=True)]
    weight = writer.formula(w, [*kernel, *groups, channel, out])
    factors = [*chosen, writer.formula(g, [n, *places, *groups, out]), weight]
    return _sum_over(bound, Row(tuple([part for factor in factors for part in (Sign("·"), factor)][1:])))


def _under(places: Sequence[str], kernel: Sequence[str], term: Term) -> list[str]:
    """Which element of the input lies under one of the kernel: ``2·p+k``."""
    steps: dict[str, Sequence[int]] = dict(term.settings)
    every = zip(places, kernel, steps["strides"], steps["dilation"], strict=True)
    return [_plus(_times(s, p), _times(d, k)) for p, k, s, d in every]


def _times(step: int, letter: str) -> str:
    return letter if step == 1 or letter == "0" else f"{step}·{letter}"


def _plus(first: str, second: str, sign: str = "+") -> str:
    """A sum or difference of places; what is 0 is not written."""
    if second == "0":
        return first
    return second if (first, sign) == ("0", "+") else f"{first}{sign}{second}"


operations: dict[str, Callable[[Indexed, Term, list[str]], Formula]] = {
    "matmul": _matmul,
    "sum": _sum,
    "transpose": lambda writer, term, at: writer.formula(term.parts[0], at[::-1]),
    "reshape": _reshape,
    "softmax": _of_whole,
    "one_hot": _one_hot,
    "pick": _pick,
    "take": _take,
    "slice": _slice,
    "pad": _pad,
    "permute_dims": _permute,
    "add_at": _add_at,
    "conv": _conv,
    "conv_kernel": _conv_kernel,
    "conv_input": _conv_input,
}


def element(array: Formula, at: Sequence[str]) -> Formula:
    """``X[i,j]``; a number alone has no place."""
    return Script(array, Places(",".join(at))) if at else array


def _sum_over(bound: Sequence[str], body: Formula) -> Formula:
    running = [letter for letter in bound if letter != "0"]
    if not running:
        return body
    need = multiplied if body.binding <= added else body.binding
    return Row((Script(Function("Σ"), Places(",".join(running))), fenced(body, need)))
