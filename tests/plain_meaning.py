"""Two meanings of the source of a random program: maplet's, and that of plain Python on arrays.

In the plain one a loop is a `for` or a `while`, a branch an `if`, and a map over rows a list; the derivatives in it are
taken of such unrolled code.
"""

from __future__ import annotations

import linecache

import numpy as np

import maplet as mp
from maplet.core.array import Array, Parameter, assign
from maplet.core.body import separate
from maplet.core.tree import Stateful, leaves, places, replace


class Net(Stateful):
    """The argument of every program: parameters, two of which are one array, buffers, and a generator."""

    def __init__(self, numbers):
        self.w = Parameter(numbers.normal(size=3))
        self.m = Parameter(numbers.normal(size=(2, 3)))
        self.tied = self.w
        self.seen = Array(numbers.normal(size=()))
        self.mean = Array(numbers.normal(size=3))
        self.rng = mp.random.Generator(1)


class Store(Stateful):
    """What programs capture."""

    def __init__(self, numbers):
        self.count = Array(numbers.normal(size=()))
        self.table = Array(numbers.normal(size=2))


class Surroundings:
    """A program as a function, with everything that it changes; new for every call, so that all start alike."""

    def __init__(self, program, *, plain):
        numbers = np.random.default_rng(0)
        self.net, self.store, self.k = Net(numbers), Store(numbers), Array(numbers.normal(size=3))
        self.rng = mp.random.Generator(2)
        self.decisions = []
        self.library = library = Plain(self) if plain else mp
        place = f"<random program {abs(hash(program.source))}>"
        linecache.cache[place] = (len(program.source), None, program.source.splitlines(keepends=True), place)
        names = {"mp": library, "k": self.k, "store": self.store, "rng": self.rng}
        names |= {"assign": assign, "Parameter": Parameter, "normal": library.normal if plain else _normal}
        exec(compile(program.source, place, "exec"), names)
        self.program = names["program"]

    def state(self):
        """Every array that a program can change, by name."""
        return {name: leaf.numpy() for name, leaf in leaves([self.net, self.store, self.k, self.rng]).items()}


def _normal(rng, shape):
    return rng.normal(shape, dtype="float64")


class Plain:
    """The control flow of plain Python under maplet's names; everything else is maplet's."""

    def __init__(self, surroundings):
        self.surroundings = surroundings
        self.rows = []  # (size, number of the row) of the maps around

    def __getattr__(self, name):
        return getattr(mp, name)

    def decide(self, choice):
        self.surroundings.decisions.append(choice)
        return choice

    def normal(self, rng, shape):
        """Rows draw from one key by their number: a row of the larger draw."""
        sizes = [size for size, _ in self.rows]
        return _normal(rng, (*sizes, *shape))[tuple(row for _, row in self.rows)]

    def scan(self, f, carry, xs=None, *, length=None, reverse=False):
        xs = separate(xs)
        found = leaves(xs)
        count = next(iter(found.values())).shape[0] if found else length
        carry, ys = separate(carry), [None] * count
        for n in reversed(range(count)) if reverse else range(count):
            carry, ys[n] = separate(f(carry, replace(xs, lambda x: None if x is None else x[n])))  # noqa: B023  (it is called before n goes on)
        return carry, _stacked(ys)

    def map(self, f, xs):
        return self.scan(lambda nothing, x: (nothing, f(x)), None, xs)[1]

    def fori_loop(self, lower, upper, body, carry, *, bound=None):  # noqa: ARG002  (it is never reached)
        carry = separate(carry)
        for n in range(int(lower), int(upper)):
            carry = separate(body(mp.asarray(n), carry))
        return carry

    def while_loop(self, condition, body, carry, *, bound):
        carry, steps = separate(carry), 0
        while (bound is None or steps < bound) and self.decide(bool(condition(carry))):
            carry, steps = separate(body(carry)), steps + 1
        return carry

    def cond(self, predicate, if_true, if_false, *given):
        return separate((if_true if self.decide(bool(predicate)) else if_false)(*separate(given)))

    def switch(self, index, branches, *given):
        return separate(branches[self.decide(min(max(int(index), 0), len(branches) - 1))](*separate(given)))

    def checkpoint(self, f):
        return lambda *args: separate(f(*separate(args)))

    def custom_gradient(self, f):
        return lambda *args: separate(f(*separate(args))[0])

    def vjp(self, f, *args):
        """Only the value is used: the derivative of `custom_gradient` in the source is the true one."""
        return f(*args), None

    def vmap(self, f, in_axes=0, out_axes=0):
        def over_rows(*args):
            (size,) = {a.shape[axis] for a, axis in zip(args, in_axes, strict=True) if axis is not None}
            rng = self.surroundings.rng
            before, results = rng.draws, []
            for n in range(size):
                rng.draws = before
                self.rows.append((size, n))
                results.append(f(*(_row(a, axis, n) for a, axis in zip(args, in_axes, strict=True))))
                self.rows.pop()
            return _stacked(results, out_axes)

        return over_rows


def _row(array, axis, n):
    return array if axis is None else mp.moveaxis(array, axis, 0)[n]


def _stacked(ys, axis=0):
    if not ys or ys[0] is None:
        return None
    columns = zip(*([leaf for _, leaf in places(y)] for y in ys), strict=True)
    columns = iter([mp.stack(column, axis=axis) for column in columns])
    return replace(ys[0], lambda _: next(columns))
