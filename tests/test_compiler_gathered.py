"""What a scan carries and gathers is one array: each round reads a row of it and writes the next."""

# A case is a lambda of the same two arrays, in a line or two of a table.
# ruff: noqa: ARG005

import numpy as np
import pytest

import maplet as mp
from maplet.compiler.instructions import Op
from maplet.compiler.jit import jit
from maplet.core.recording import record
from maplet.core.tree import leaves
from native_laws import both

numbers = np.random.default_rng(0)


def cell(state, x):
    """h and c ↦ the next ones, as of an LSTM."""
    h, c = state
    after = c * 0.5 + mp.tanh(x + h)
    return (mp.tanh(after) * h + x, after), (h, c, after, x * h)


def after(h, x):
    n = h * x + 1
    return n, n


def before_and_after(h, x):
    n = h * x + 1
    return n, (n, h)


def after_twice(h, x):
    n = h * x + 1
    return n, (n, n)


def one_for_two(state, x):
    n = state[1] + x
    return (n, n), n


def inner(h, x, xs):
    return h + mp.sum(mp.scan(lambda g, y: after(g, x * y), h, xs)[1] ** 2, axis=0), None


def squares(tree):
    """Of each array the sum of its squares: nothing that was gathered is handed out."""
    return [mp.sum(array * array) for array in leaves([tree]).values()]


forms = {
    "before": lambda h, xs: squares(mp.scan(lambda h, x: (h * x + 1, h), h, xs)[1]),
    "after": lambda h, xs: squares(mp.scan(after, h, xs)[1]),
    "both": lambda h, xs: squares(mp.scan(before_and_after, h, xs)[1]),
    "twice": lambda h, xs: squares(mp.scan(after_twice, h, xs)[1]),
    "backwards": lambda h, xs: squares(mp.scan(before_and_after, h, xs, reverse=True)[1]),
    "and the last, read": lambda h, xs: squares(mp.scan(before_and_after, h, xs, reverse=True)),
    "and the last, handed out": lambda h, xs: mp.scan(after, h, xs),
    "some handed out": lambda h, xs: [*(found := mp.scan(before_and_after, h, xs)), *squares(found)],
    "one that stays": lambda h, xs: squares(mp.scan(lambda h, x: (h, h), h, xs)),
    "two that change places": lambda h, xs: squares(mp.scan(lambda s, x: ((s[1], s[0] * x), s), (h, h + 1), xs)),
    "one for two": lambda h, xs: squares(mp.scan(one_for_two, (h, h + 1), xs)),
    "in a loop": lambda h, xs: mp.scan(lambda h, x: inner(h, x, xs), h, xs)[0],
    "a single number": lambda h, xs: squares(mp.scan(lambda h, x: after(h, mp.sum(x)), h[0], xs)),
    "two": lambda h, xs: squares(mp.scan(cell, (h, h + 1), xs)[1]),
    "a gradient": lambda h, xs: mp.grad(lambda h: mp.sum(mp.scan(cell, (h, h + 1), xs)[0][0]))(h),
}


@pytest.mark.parametrize("length", [0, 1, 5])
@pytest.mark.parametrize("form", forms)
def test_whoever_reads_the_rows_or_the_last_of_them_finds_them(form, length):
    h, xs = numbers.normal(size=3), numbers.normal(size=(length, 3))
    recording = record(lambda h, xs: list(leaves([forms[form](h, xs)]).values()), [h, xs], with_values=False)
    found, expected = both(recording.graph, [array.numpy() for array in recording.given()])
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("form", ["before", "after", "both", "backwards", "two", "a single number"])
def test_no_state_is_copied_as_the_loop_goes(form):
    f = jit(forms[form])
    f(numbers.normal(size=50), numbers.normal(size=(7, 50)))
    (compiled,) = f.programs.values()
    rows = compiled.program.made.table.rows
    ends = [number for number, row in enumerate(rows) if row[0] == Op.JUMP_IF_LESS]
    inside = range(min(rows[number][3] for number in ends), max(ends))
    assert Op.COPY not in [rows[number][0] for number in inside]
