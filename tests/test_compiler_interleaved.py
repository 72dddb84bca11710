"""A last axis shorter than a vector: the same numbers, woven together from vectors of each column."""

# A table of functions of one signature, of which each uses what it needs.
# ruff: noqa: ARG005

import numpy as np
import pytest

import maplet as mp
from maplet.compiler import threads
from maplet.compiler.loops import For, Pick, Store
from maplet.compiler.program import Program
from maplet.errors import PositionError
from native_laws import assert_equal, both, graph_for

pytestmark = pytest.mark.usefixtures("nothing_on_disk")

rng = np.random.default_rng(0)


@pytest.fixture
def _threads_as_before():
    before = threads.current.number
    yield
    threads.current.number = before


def numbers(shape, dtype="f4"):
    return rng.integers(-50, 50, size=shape).astype(dtype)


def woven(program):
    """Whether some kernel stores picked lanes."""

    def holds(body):
        return any(
            holds(one.body) if isinstance(one, For) else isinstance(one, Store) and isinstance(one.value, Pick)
            for one in body
        )

    return any(holds(kernel.body) for kernel in program.instructions.kernels)


def columns(x):
    return [x[..., n] for n in range(x.shape[-1])]


programs = {
    "stacked": lambda x, w: [mp.stack(columns(x), axis=-1)],
    "stacked, computed": lambda x, w: [mp.stack([mp.square(c) + n for n, c in enumerate(columns(x))], axis=-1)],
    "joined": lambda x, w: [mp.concat([x[..., :1], x[..., 1:] * 2], axis=-1)],
    "with a row": lambda x, w: [x * w, mp.maximum(x, w)],
    "with a column": lambda x, w: [x - x[..., :1]],
    "other dtypes": lambda x, w: [x > w, mp.astype(x > w, mp.int64) + 1],
    "a gradient": lambda x, w: [mp.grad(lambda x: mp.sum(mp.stack(columns(x), axis=-1) * w))(x)],
}


forms = [
    *(("f4", rows) for rows in ((16,), (37,), (3, 50), (7, 5), (1000,))),
    *((d, (37,)) for d in ("f8", "f2", "i8", "u1")),
]


def in_time(dtype, rows, count):
    """Three columns in every form are quick, and so is every number of columns in one form."""
    quick = count == 3 or (dtype, rows) == ("f4", (37,))
    return pytest.param(dtype, rows, count, marks=[] if quick else pytest.mark.slow)


@pytest.mark.parametrize(
    ("dtype", "rows", "count"), [in_time(*form, count) for form in forms for count in (2, 3, 4, 8)]
)
@pytest.mark.parametrize("name", programs)
def test_columns_woven_together_are_the_same_numbers(name, rows, count, dtype):
    if name == "a gradient" and dtype[0] != "f":
        dtype = "f4"
    values = [numbers((*rows, count), dtype), numbers((count,), dtype)]
    graph = graph_for(lambda arrays: programs[name](*arrays), values)
    for found, expected in zip(*both(graph, values), strict=True):
        assert_equal(found, expected, name)


@pytest.mark.parametrize("count", [2, 3, 4, 8])
def test_what_is_stacked_along_a_new_last_axis_is_woven(count):
    values = [numbers((100,)) for _ in range(count)]
    program = Program(graph_for(lambda arrays: [mp.stack(arrays, axis=-1)], values))
    assert woven(program)
    np.testing.assert_array_equal(program.run(values)[0], np.stack(values, axis=-1))


@pytest.mark.usefixtures("_threads_as_before")
@pytest.mark.parametrize("threads_", [1, 2, 3])
@pytest.mark.parametrize("count", [2, 3, 4])
def test_rows_end_where_a_thread_or_a_piece_ends(threads_, count):
    """Pieces one after another: the last vector of each writes nothing into the rows of the next."""
    mp.set_threads(threads_)
    pieces = [numbers((rows, count)) for rows in (30011, 7, 50003, 1, 20000)]
    joined = mp.jit(lambda *xs: mp.concat(xs))
    given = [mp.asarray(x) for x in pieces]
    for _ in range(5):
        np.testing.assert_array_equal(joined(*given), np.concatenate(pieces))
    wide = mp.jit(lambda x: mp.pad(x + 1, ((5001, 70003), (0, 0)), "edge"))
    np.testing.assert_array_equal(wide(given[0]), np.pad(pieces[0] + 1, ((5001, 70003), (0, 0)), "edge"))


def test_positions_outside_are_found_in_every_column():
    table, at = np.arange(5.0, dtype="f4"), np.zeros((50, 3), np.int64)
    look_up = mp.jit(lambda table, at: mp.stack([mp.take(table, at[:, n], axis=0) for n in range(3)], axis=-1))
    look_up(mp.asarray(table), mp.asarray(at))
    at[49, 2] = 5
    with pytest.raises(PositionError):
        look_up(mp.asarray(table), mp.asarray(at))


@pytest.mark.usefixtures("_threads_as_before")
def test_threads_change_nothing():
    values = [numbers((200_000, 3)), numbers((3,))]
    found = []
    for number in (1, 2, 3):
        mp.set_threads(number)
        program = Program(graph_for(lambda arrays: [mp.stack(columns(arrays[0]), axis=-1) * arrays[1]], values))
        found.append(program.run(values)[0])
    assert all((one == found[0]).all() for one in found)
