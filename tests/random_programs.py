"""Random programs: loops, branches, calls and derivatives nested in each other, written as Python source.

`programs` draws a `Program`, whose source uses `mp` as a user would. What stands for `mp` gives the source its meaning:
maplet itself, or the plain Python of `plain_meaning`, where a scan is a `for` and a cond an `if`. All numbers are
float64; every function is smooth almost everywhere, so that differences mean something.
"""

# The writers of expressions are methods of one signature, of which each uses what it needs.
# ruff: noqa: ARG002

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import prod

from hypothesis import strategies as st

from random_forms import forms

# Shapes of what the source finds around it: attributes of the argument `net` and of the captured object `store`.
# `net.tied` is the same array as `net.w`.
parameters = {"net.w": (3,), "net.m": (2, 3), "net.tied": (3,)}
buffers = {"net.seen": (), "net.mean": (3,), "store.count": (), "store.table": (2,)}

unary = [
    "mp.sin({0})", "0.5 * {0} + 0.1", "mp.tanh({0})", "-{0}", "mp.cos({0})", "mp.sigmoid({0})",
    "mp.exp(-mp.square({0}))", "mp.log1p(mp.square({0}))", "mp.sqrt(1.5 + mp.square({0}))", "{0} * {0}",
    "mp.relu({0} - 0.05)", "{0}.copy()", "mp.stop_gradient({0})",
]  # fmt: skip
binary = [
    "{0} + {1}", "{0} * {1}", "{0} - {1}", "mp.sin({0} * {1})", "{0} / (1.5 + mp.square({1}))",
    "mp.where({0} > {1} + 0.0123, {0}, mp.sin({1}))", "mp.maximum({0}, {1} + 0.0321)",
    "mp.where(mp.isfinite({0}), {1}, {0})", "mp.where({0} > 0.2, mp.log(mp.maximum({0}, 0.1)), {1})",
]  # fmt: skip
reductions = ["mp.sum({0}, axis={1})", "mp.mean({0}, axis={1})", "mp.logsumexp({0}, axis={1})", "mp.max({0}, axis={1})"]
alongside = ["mp.softmax({0}, axis={1})", "mp.flip({0}, axis={1})", "{0} - mp.mean({0}, axis={1}, keepdims=True)"]


class Program:
    """A program as source; ``traits`` says what occurs in it."""

    def __init__(self, source, shapes, depth, traits):
        self.source, self.shapes, self.depth, self.traits = source, shapes, depth, traits

    def __repr__(self):
        return f"a program of depth {self.depth} for inputs of shapes {self.shapes}:\n\n{self.source}"


@dataclass(frozen=True)
class Scope:
    """What the source may do at one place: arrays and integers that it may read, changes that it may make."""

    arrays: dict[str, tuple[int, ...]]
    depth: int
    integers: tuple[str, ...] = ()
    mutable: tuple[str, ...] = ()
    outside: dict[str, tuple[int, ...]] = field(default_factory=lambda: {**parameters, **buffers, "k": (3,)})
    writes: bool = True
    draws: bool = True
    rows: bool = False  # inside vmap

    def inner(self, **changes):
        new = {"arrays": dict(self.arrays), "depth": self.depth - 1, **changes}
        return replace(self, **new)


class Writer:
    """Writes one program; hypothesis draws every choice, so that a failing program shrinks."""

    def __init__(self, draw):
        self.draw = draw
        self.lines: list[str] = []
        self.indent = 0
        self.names = 0
        self.traits: set[str] = set()
        self.in_place = self.chance()  # one way for all parameters, as branches may not mix the two

    # ── choices ──────────────────────────────────────────────────────────────────────────────────

    def pick(self, options):
        return self.draw(st.sampled_from(list(options)))

    def count(self, low, high):
        return self.draw(st.integers(low, high))

    def chance(self):
        return self.draw(st.booleans())

    def name(self, letter="v"):
        self.names += 1
        return f"{letter}{self.names}"

    def line(self, text):
        self.lines.append("    " * self.indent + text)

    # ── expressions ──────────────────────────────────────────────────────────────────────────────

    def readable(self, scope):
        """Arrays that may be read, the latest first."""
        own = dict(reversed(scope.arrays.items()))
        return own | scope.outside

    def operand(self, scope):
        """An array that may be read, mostly one of the latest, so that what is computed is used."""
        found = self.readable(scope)
        latest = list(scope.arrays)[-3:][::-1]
        name = self.pick([*latest * 3, *found])
        return name, found[name]

    def fitted(self, scope, shape):
        """An expression of a given shape."""
        found = self.readable(scope)
        alike = [name for name in found if found[name] == shape]
        bare = [name for name in alike if name not in scope.mutable and "." not in name and name != "k"]
        kind = self.pick([*["mixed"] * bool(alike), *["bare"] * bool(bare), "mean"])
        if kind == "bare":
            return self.pick(bare)
        name, _ = self.operand(scope)
        if kind == "mixed":
            return f"0.7 * {self.pick(alike)} + 0.3 * mp.mean({name})"
        return f"mp.broadcast_to(mp.mean({name}), {shape})" if shape else f"mp.mean({name})"

    def expression(self, scope):
        a, shape = self.operand(scope)
        kinds = ["unary", "binary", "reduction", "whole"]
        if shape:
            kinds += ["part", "gathered", "alongside", "stacked"]
        if len(shape) >= 2:
            kinds += ["turned", "matmul"]
        if scope.integers:
            kinds += ["counted"] * 2
        return getattr(self, "_" + self.pick(kinds))(scope, a, shape)

    def _unary(self, scope, a, shape):
        return self.pick(unary).format(a), shape

    def _binary(self, scope, a, shape):
        found = self.readable(scope)
        fits = {b: s for b, s in found.items() if s in (shape, (), shape[-len(s) :])}
        b = self.pick(fits)
        pair = (a, b) if self.chance() else (b, a)
        return self.pick(binary).format(*pair), shape

    def _reduction(self, scope, a, shape):
        if not shape:
            return self._unary(scope, a, shape)
        axis = self.count(-len(shape), len(shape) - 1)
        rest = [n for number, n in enumerate(shape) if number != axis % len(shape)]
        return self.pick(reductions).format(a, axis), tuple(rest)

    def _whole(self, scope, a, shape):
        return self.pick(["mp.sum({0})", "mp.mean({0})", "mp.sum(mp.square({0}))"]).format(a), ()

    def _part(self, scope, a, shape):
        n = self.count(-shape[0], shape[0] - 1)
        return f"{a}[{n}]", shape[1:]

    def _gathered(self, scope, a, shape):
        positions = [self.count(0, shape[0] - 1) for _ in range(self.count(1, 3))]
        if prod(shape) > 8:
            return self._part(scope, a, shape)
        return f"{a}[mp.asarray({positions})]", (len(positions), *shape[1:])

    def _alongside(self, scope, a, shape):
        return self.pick(alongside).format(a, self.count(-len(shape), len(shape) - 1)), shape

    def _stacked(self, scope, a, shape):
        if len(shape) > 2 or prod(shape) > 6:
            return self._unary(scope, a, shape)
        b = self.fitted(scope, shape)
        axis = self.count(0, len(shape))
        if self.chance():
            return f"mp.concat([{a}, {b}], axis=0)", (2 * shape[0], *shape[1:])
        return f"mp.stack([{a}, {b}], axis={axis})", (*shape[:axis], 2, *shape[axis:])

    def _turned(self, scope, a, shape):
        if self.chance():
            return f"mp.reshape({a}, {shape[::-1]})", shape[::-1]
        return f"mp.matrix_transpose({a})", (*shape[:-2], shape[-1], shape[-2])

    def _matmul(self, scope, a, shape):
        found = self.readable(scope)
        right = {b: s for b, s in found.items() if s and len(s) <= 2 and s[-min(2, len(s))] == shape[-1]}
        if not right:
            return self._unary(scope, a, shape)
        b = self.pick(right)
        return f"0.4 * ({a} @ {b})", (*shape[:-1], *right[b][1:])

    def _counted(self, scope, a, shape):
        i = self.pick(scope.integers)
        if shape and shape[0] >= 2 and self.chance():
            return f"{a}[{i} % 2]", shape[1:]
        return f"mp.sin({a} + 0.3 * {i})", shape

    # ── statements ───────────────────────────────────────────────────────────────────────────────

    def block(self, scope, most=3):
        for _ in range(self.count(1, most)):
            self.statement(scope)

    def statement(self, scope):
        kinds = ["compute"] * 3
        if scope.depth:
            kinds += ["nested"] * 5
        if scope.writes:
            kinds += ["write"]
        if scope.draws:
            kinds += ["random"]
        kind = self.pick(kinds)
        getattr(self, kind)(scope)

    def nested(self, scope):
        form = self.pick(forms)
        self.traits.add(form)
        forms[form](self, scope)

    def compute(self, scope):
        text, shape = self.expression(scope)
        self.assign(scope, text, shape)

    def assign(self, scope, text, shape):
        name = self.name()
        self.line(f"{name} = {text}")
        scope.arrays[name] = shape
        return name

    def write(self, scope):
        self.traits.add("writes")
        kind = self.pick(["buffer", "parameter", "captured", "mutable"])
        if "k" not in scope.outside:
            name = self.pick(["store.count", "store.table"])  # which may not be read
            self.line(f"{name} = 0.3 * ({self.fitted(scope, buffers[name])})")
        elif kind == "buffer":
            name = self.pick(buffers)
            self.line(f"{name} = 0.5 * {name} + 0.3 * ({self.fitted(scope, buffers[name])})")
        elif kind == "parameter":
            name = self.pick(parameters)
            self.change_parameter(name, f"0.9 * {name} + 0.1 * ({self.fitted(scope, parameters[name])})")
        elif kind == "captured":
            self.line(f"k[{self.count(0, 2)}] = {self.fitted(scope, ())}")
        else:
            self.change_in_place(scope)

    def change_parameter(self, name, text):
        """In the array itself, or by another array in its place, or in both places of a tied one."""
        places = "net.m" if name == "net.m" else "net.w = net.tied"
        self.line(f"assign({name}, {text})" if self.in_place else f"{places} = Parameter({text})")

    def change_in_place(self, scope):
        if not scope.mutable:
            return
        name = self.pick(scope.mutable)
        self.line(f"{name}[{self.count(0, scope.arrays[name][0] - 1)}] = {self.fitted(scope, scope.arrays[name][1:])}")

    def random(self, scope):
        self.traits.add("draws")
        shape = self.pick([(), (3,), (2, 3)])
        name = self.pick(["rng", "net.rng"]) if "net.seen" in scope.outside and not scope.rows else "rng"
        self.assign(scope, f"normal({name}, {shape})", shape)


def drawn_program(draw, deepest=3, *, writes=True, rows=False):
    writer = Writer(draw)
    shapes = tuple(writer.pick([(3,), (), (2, 3), (2,), (3, 3)]) for _ in range(writer.count(1, 2)))
    names = [f"in{n}" for n in range(len(shapes))]
    scope = Scope(dict(zip(names, shapes, strict=True)), writer.count(1, deepest), writes=writes, rows=rows)
    depth = scope.depth
    writer.line(f"def program({', '.join(names)}, net):")
    writer.indent += 1
    if writes and writer.chance():
        text, shape = writer.expression(scope)
        if shape:
            name = writer.assign(scope, f"({text}).copy()", shape)
            scope = replace(scope, mutable=(name,))
    writer.nested(scope)
    writer.block(scope)
    latest = [name for name in reversed(scope.arrays) if name not in scope.mutable][: writer.count(1, 8)]
    results = [*latest, *(f"{name}.copy()" for name in scope.mutable), *(f"mp.sin({name})" for name in names)]
    writer.line(f"return {', '.join(results)}")
    source = "\n".join(writer.lines) + "\n"
    return Program(source, shapes, depth, frozenset(writer.traits))


programs = st.composite(drawn_program)
