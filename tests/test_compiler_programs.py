"""Whole programs in native code: loops, branches and calls in each other, their derivatives, and training.

They are compared with `evaluate` within a bound, and with themselves to the bit: run again, by other numbers of
threads, step by step or as one loop.
"""

# A case is a lambda of the same three arrays, in a few lines of a table.
# ruff: noqa: ARG005, E501, PLC3002, PLW0108

import os
import platform
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, seed, settings

import maplet as mp
from maplet import nn, optim
from maplet.compiler.instructions import Op
from maplet.compiler.jit import jit
from maplet.compiler.program import Program
from maplet.compiler.target import target
from maplet.core.array import Parameter
from maplet.core.recording import record
from maplet.core.tree import leaves
from maplet.transforms.batch import batch
from maplet.transforms.forward import pushforward
from maplet.transforms.gradient import gradient
from native_laws import both, checked
from native_training import bits, train_beside
from plain_meaning import Surroundings
from random_programs import programs
from test_optim import full, make, schedules
from test_random_programs import assert_close, assume_tame, common, inputs_of

numbers = np.random.default_rng(0)


# ── random programs ──────────────────────────────────────────────────────────────────────────────


def recorded(program):
    around = Surroundings(program, plain=False)
    recording = record(around.program, [*inputs_of(program), around.net], with_values=False)
    return recording.graph, [array.numpy() for array in recording.given()]


def derived(graph):
    """The graph, its derivatives and its batches, by name: functions that make them, of other inputs."""
    moving = [n for n, node in enumerate(graph.inputs) if node.array_type.dtype.kind == "f"]
    seeded = [n for n, node in enumerate(graph.outputs) if node.array_type.dtype.kind == "f"]
    flags = [n in moving for n in range(len(graph.inputs))]

    def backward():
        return gradient(graph, moving, seeded)[0]

    return {
        "value": lambda: graph,
        "gradient": backward,
        "pushforward": lambda: pushforward(graph, moving)[0],
        "pushforward of the gradient": lambda: pushforward(backward(), moving)[0],
        "batch": lambda: batch(graph, 2, flags, rows=True)[0],
        "batch that shares draws": lambda: batch(graph, 2, flags, rows=False)[0],
    }


def values_for(graph, known):
    """The known values where they fit, random ones elsewhere."""
    rng, kinds = np.random.default_rng(1), [node.array_type for node in graph.inputs]
    fits = [n < len(known) and known[n].shape == kind.shape for n, kind in enumerate(kinds)]
    return [
        known[n] if fit else rng.normal(size=kind.shape) for n, (fit, kind) in enumerate(zip(fits, kinds, strict=True))
    ]


def law(program, which=None):
    graph, known = recorded(program)
    for what, make_graph in derived(graph).items():
        if which is None or what in which:
            one = make_graph()
            found, expected = both(one, values_for(one, known))
            assume_tame([value for value in expected if value.dtype.kind == "f"])
            assert_close(found, expected, what)


@pytest.mark.parametrize(
    "which", ["value", "gradient", "pushforward", "pushforward of the gradient", "batch", "batch that shares draws"]
)
def test_random_programs(which):
    count = {"value": 20, "gradient": 10, "pushforward of the gradient": 3}.get(which, 5)
    start = len(which)  # other programs for each
    check = given(programs())(lambda program: law(program, {which}))
    seed(start)(settings(max_examples=count, **common)(check))()


@pytest.mark.slow
def test_many_random_programs():
    wanted = os.environ.get("MAPLET_TEST_SEED", "0")
    start = random.randrange(2**32) if wanted == "any" else int(wanted)
    print(f"MAPLET_TEST_SEED={start} repeats this")  # noqa: T201  (shown if it fails)
    seed(start)(settings(max_examples=120, **common)(given(programs())(lambda program: law(program))))()


# ── loops and branches, one by one ───────────────────────────────────────────────────────────────

v, m, k = numbers.normal(size=3), numbers.normal(size=(4, 3)), np.int64(2)


def scan_of(f, *, xs=True, length=None, reverse=False):
    return lambda v, m, k: mp.scan(f, v, m if xs else None, length=length, reverse=reverse)


def nothing(carry, _):
    return carry, None


nested = {
    "forward": scan_of(lambda c, x: (mp.sin(c) * x, c + x)),
    "reverse": scan_of(lambda c, x: (mp.sin(c) * x, c + x), reverse=True),
    "no step": scan_of(lambda c, x: (c * 2, c), xs=False, length=0),
    "no rows": lambda v, m, k: mp.scan(lambda c, x: (c * x, c), v, m[:0]),
    "one step": scan_of(lambda c, x: (c * 2, c), xs=False, length=1),
    "many steps": scan_of(lambda c, x: (0.99 * c + 0.01, mp.sum(c)), xs=False, length=1000),
    "nothing changes": scan_of(nothing),
    "nothing but rows": lambda v, m, k: mp.scan(lambda c, x: (c, mp.exp(x) * v), None, m)[1],
    "swapped": lambda v, m, k: mp.scan(lambda c, x: ((c[1], c[0]), c[0] + x), (v, 2 * v), m),
    "turned in three": lambda v, m, k: mp.scan(lambda c, x: ((c[1], c[2], c[0]), None), (v, 2 * v, 3 * v), m),
    "swapped and changed": lambda v, m, k: mp.scan(
        lambda c, x: ((c[1] + x, c[0] * c[1], c[2]), None), (v, 2 * v, 3 * v), m
    ),
    "returned twice": lambda v, m, k: mp.scan(lambda c, x: ((c[0] * x, c[0] * x), (c[0], c[0])), (v, v), m),
    "both the same": lambda v, m, k: mp.scan(lambda c, x: ((c[0], c[0]), c[1]), (v, 2 * v), m),
    "the start is used later": lambda v, m, k: (mp.scan(lambda c, x: (c * x, None), v, m)[0], v + 1, mp.sin(v)),
    "a constant start": lambda v, m, k: mp.scan(lambda c, x: (c + x, c), mp.zeros((3,), dtype="float64"), m),
    "constants": lambda v, m, k: mp.scan(lambda c, x: (c + v * x + m[0], c @ v), mp.tanh(v), m),
    "rows are a part": lambda v, m, k: mp.scan(lambda c, x: (c + x, c), v[:2], m.T[:, 1:3]),
    "rows are computed": lambda v, m, k: mp.scan(lambda c, x: (c + x, c), v, mp.exp(m) * v),
    "the last row and all": lambda v, m, k: (lambda ys: (ys, ys[-1], mp.sum(ys, axis=0)))(
        mp.scan(lambda c, x: (c + x, c), v, m)[1]
    ),
    "rows in an inner loop": lambda v, m, k: mp.scan(
        lambda c, x: (mp.scan(lambda d, y: (d + y * x, None), c, m)[0], None), v, m
    ),
    "inner rows": lambda v, m, k: mp.scan(
        lambda c, x: (lambda r: (r[0] * 0.5, r[1]))(mp.scan(lambda d, y: (mp.sin(d) + y, d * y), c, x[:, None] * m[:3])),
        v, m, reverse=True,
    ),
    "carries of inner loops": lambda v, m, k: mp.scan(
        lambda c, x: (mp.scan(lambda d, y: ((d[1], d[0] + y), d[0]), (c, x), m, reverse=True)[0][1], None), v, m
    ),
    "three deep": lambda v, m, k: mp.scan(
        lambda a, x: (mp.scan(lambda b, y: (mp.scan(lambda c, z: (0.5 * c + z, None), b, m)[0] * y, None), a, m)[0], x), v, m
    ),
    "contractions": lambda v, m, k: mp.scan(lambda c, x: (mp.tanh(m.T @ (m @ c)) + x, m @ c), v, m),
    "looked up": lambda v, m, k: mp.scan(lambda c, x: (c + m[k] * x[k % 3], mp.argmax(c)), v, m),
    "draws": lambda v, m, k: mp.scan(lambda c, x: (c + 1, mp.random.Generator(3).fold_in(c).normal((2,))), k, m)[1],
    "fori": lambda v, m, k: mp.fori_loop(0, 5, lambda i, c: c * 0.5 + i, v),
    "fori without steps": lambda v, m, k: mp.fori_loop(3, 3, lambda i, c: c * 0.5 + i, v),
    "fori to a number": lambda v, m, k: mp.fori_loop(0, k, lambda i, c: c * 0.5 + i, v, bound=4),
    "while": lambda v, m, k: mp.while_loop(lambda c: mp.sum(c * c) > 0.5, lambda c: 0.7 * c, v, bound=50),
    "while, bound first": lambda v, m, k: mp.while_loop(lambda c: mp.sum(c * c) > 0.0, lambda c: 0.7 * c, v, bound=3),
    "while without steps": lambda v, m, k: mp.while_loop(lambda c: mp.sum(c) > 1e9, lambda c: 0.7 * c, v, bound=3),
    "while in while": lambda v, m, k: mp.while_loop(
        lambda c: c[1] < 3,
        lambda c: (mp.while_loop(lambda d: mp.max(d) > c[1] * 0.1, lambda d: d * 0.5, c[0], bound=9) + 1, c[1] + 1),
        (v, k * 0), bound=9,
    ),
    "map": lambda v, m, k: mp.map(lambda x: x[:, None] * v, m),
    "map of nothing": lambda v, m, k: mp.map(lambda x: mp.sum(x), m[:0]),
    "cond": lambda v, m, k: (
        mp.cond(v[0] > 0, lambda x: (mp.sin(x), x), lambda x: (x, 2 * x), v),
        mp.cond(v[0] <= 0, lambda x: (mp.sin(x), x), lambda x: (x, 2 * x), v),
    ),
    "cond that hands on": lambda v, m, k: mp.cond(v[0] > 0, lambda a, b: (a, b), lambda a, b: (b, a), v, m[0]),
    "cond of constants": lambda v, m, k: mp.cond(v[0] > 0, lambda: mp.asarray(1.0), lambda: mp.asarray(2.0)),
    "cond in scan": scan_of(lambda c, x: mp.cond(x[0] > 0, lambda: (c + x, c), lambda: (c * 0.5, mp.sin(x)))),
    "scan in cond": lambda v, m, k: mp.cond(
        v[0] > 0, lambda: mp.scan(lambda c, x: (c + x, c), v, m), lambda: mp.scan(lambda c, x: (c * x, x), v, m)
    ),
    "switch": lambda v, m, k: [
        mp.switch(k + n, [lambda x: x + 1, lambda x: mp.exp(x), lambda x: x * x[0], lambda x: v], v)
        for n in (-9, -3, -2, -1, 0, 1, 2, 2**40)
    ],
    "switch of one": lambda v, m, k: mp.switch(k, [lambda x: x + 1], v),
    "checkpoint": lambda v, m, k: mp.grad(lambda v: mp.sum(mp.checkpoint(lambda v: mp.exp(mp.sin(v)))(v)))(v),
    "checkpoint in scan": lambda v, m, k: mp.grad(
        lambda v: mp.sum(mp.scan(mp.checkpoint(lambda c, x: (mp.sin(c) * x, None)), v, m)[0])
    )(v),
    "a root": lambda v, m, k: mp.custom_root(lambda x, v: x**3 + x - v, mp.zeros((3,), dtype="float64"), v),
    "a root in scan": scan_of(
        lambda c, x: (mp.custom_root(lambda y, x: mp.sin(y) / 2 + y - x, mp.zeros((3,), dtype="float64"), c + x), x)
    ),
    "a gradient of its own": lambda v, m, k: mp.grad(
        lambda v: mp.sum(mp.custom_gradient(lambda x: (mp.sin(x), lambda g: g * 7 * x))(v) * m)
    )(v),
    "two loops that share": lambda v, m, k: (
        mp.scan(lambda c, x: (c + x, c), mp.exp(v), m), mp.scan(lambda c, x: (c * x, None), mp.exp(v), m),
    ),
    "an input handed out": lambda v, m, k: (v, v, m, v + 0, mp.scan(nothing, v, m)[0]),
}  # fmt: skip


def flat(f):
    return lambda *args: list(leaves(mp.asarray(0.0) if (found := f(*args)) is None else [found]).values())


def graph_and_values(f):
    recording = record(flat(f), [v, m, k], with_values=False)
    return recording.graph, [array.numpy() for array in recording.given()]


def compare(graph, values):
    found, expected = both(graph, values)
    for number, (one, other) in enumerate(zip(found, expected, strict=True)):
        assert (one.shape, one.dtype) == (other.shape, other.dtype), number
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12, err_msg=f"output {number}")


@pytest.mark.parametrize("form", nested)
def test_loops_and_branches(form):
    compare(*graph_and_values(nested[form]))


slowly = pytest.param("pushforward of the gradient", marks=pytest.mark.slow)


@pytest.mark.parametrize("which", ["gradient", "batch", slowly])
@pytest.mark.parametrize("form", nested)
def test_derivatives_and_batches_of_loops_and_branches(form, which):
    graph, known = graph_and_values(nested[form])
    if any(node.array_type.dtype.kind == "f" for node in graph.outputs):
        with np.errstate(all="ignore"):
            one = derived(graph)[which]()
            compare(one, values_for(one, known))


def test_what_a_loop_begins_with_is_made_where_it_ends():
    """A step and a loop of steps, in a loop: the inner one goes on with what the step has made, and nothing is copied."""

    def rounds(x, by):
        def inner(x, _):
            return x * by + 1, None

        def outer(x, _):
            x = x - mp.sum(x * by)
            return mp.scan(inner, x, None, length=3)[0], None

        return mp.scan(outer, x, None, length=4)[0]

    f, (x, by) = jit(rounds), numbers.normal(size=(2, 50)).astype(np.float32)
    np.testing.assert_allclose(f(x, by), rounds(mp.asarray(x), mp.asarray(by)), rtol=1e-4)
    (compiled,) = f.programs.values()
    copied = [row[3] for row in compiled.program.made.table.rows if row[0] == Op.COPY]
    assert copied == [x.nbytes]  # what the outer loop is given, which the caller keeps


def test_a_loop_that_is_stopped_by_its_time_goes_on():
    """Beyond 50 ms a loop comes back to Python, and is entered again."""
    graph, values = graph_and_values(
        lambda v, m, k: mp.scan(lambda c, _: (0.999 * c + 0.001 * mp.sin(c), mp.sum(c)), v, None, length=300_000)
    )
    program = checked(Program(graph))
    last, sums = program.run(values)
    program.control[3] = 1_000_000  # nanoseconds
    again, same = program.run(values)
    assert (last.tobytes(), sums.tobytes()) == (again.tobytes(), same.tobytes())
    c = v.copy()
    for n in range(1000):
        assert sums[n] == pytest.approx(c.sum(), rel=1e-12, abs=1e-12)
        c = 0.999 * c + 0.001 * np.sin(c)


# ── the same bits ────────────────────────────────────────────────────────────────────────────────

large = [numbers.normal(size=shape).astype(np.float32) for shape in ((300, 257), (257, 129), (129,), (40_000,))]


def heavy(arrays):
    a, b, c, d = arrays
    h = mp.tanh(a @ b + c)
    loss, (ga, gb) = mp.value_and_grad(lambda a, b: mp.mean(mp.softmax(mp.relu(a @ b + c)) * h), (0, 1))(a, b)
    rows = mp.astype(mp.remainder(mp.arange(40_000) * 7, 300), "int64")
    found = [h, loss, ga, gb, mp.sum(d), mp.sum(a, axis=0), mp.sum(a, axis=1), mp.max(a), mp.exp(d) * mp.sum(d * d)]
    found += [mp.take(a, rows, axis=0)[:, 3], mp.sum(d[:300, None] * c)]
    found += [mp.random.Generator(0).normal((200, 300)), mp.argmax(a, axis=1), mp.logsumexp(a, axis=0)]
    table = mp.zeros((300, 8))
    return [*found, mp.grad(lambda t: mp.sum(mp.square(mp.take(t, rows, axis=0) + d[:, None])))(table)]


def heavy_program():
    recording = record(lambda *arrays: heavy(arrays), large, with_values=False)
    return Program(recording.graph), [array.numpy() for array in recording.given()]


def as_bytes(arrays):
    return [(array.shape, array.dtype.str, array.tobytes()) for array in arrays]


def test_the_same_bits_again_and_by_any_number_of_threads(any_threads):
    program, values = heavy_program()
    any_threads(1)
    expected = as_bytes(program.run(values))
    assert any(row[4] for row in program.table if row[0] == 1), "nothing here is shared"
    for number in (1, 2, 3, 4, 2):
        any_threads(number)
        for _ in range(3):
            assert as_bytes(program.run(values)) == expected
    assert as_bytes(heavy_program()[0].run(values)) == expected


def test_the_large_program_means_the_same():
    program, values = heavy_program()
    found, expected = both(program.graph, values)
    for number, (one, other) in enumerate(zip(found, expected, strict=True)):
        scale = max(1.0, float(np.abs(other).max()))
        np.testing.assert_allclose(one, other, rtol=2e-4, atol=2e-5 * scale, err_msg=f"output {number}")


script = """
import sys
sys.path.insert(0, sys.argv[1])
from hashlib import sha256
from test_compiler_programs import as_bytes, bits, classifier, heavy_program, jit, make, update, xs, ys
program, values = heavy_program()
net, optimizer, step = classifier(), make("Adam", 0.01), jit(update)
for x, y in zip(xs, ys, strict=True):
    step(net, optimizer, x, y)
print(sha256(repr([as_bytes(program.run(values)), sorted(bits(net, optimizer).items())]).encode()).hexdigest())
"""


@pytest.mark.slow
@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="these are the vectors of x86-64")
def test_the_same_bits_whatever_the_width_of_vectors():
    known = ("sse", "avx2", "avx512")
    runs = [
        subprocess.run(
            [sys.executable, "-c", script, str(Path(__file__).parent)],
            env={**os.environ, "MAPLET_TARGET": name}, capture_output=True, text=True, check=False,
        )
        for name in known[: known.index(target().name) + 1]
    ]  # fmt: skip
    assert not any(run.returncode for run in runs), runs
    assert len(runs) > 1 or target().name == "sse"
    assert len({run.stdout for run in runs}) == 1


class Running(nn.Module):
    """A layer with a running mean."""

    def __init__(self, features):
        self.scale, self.mean = Parameter(np.ones(features, np.float32)), mp.zeros((features,))

    def forward(self, x):
        if self.training:
            self.mean = 0.9 * self.mean + 0.1 * mp.stop_gradient(mp.mean(x, axis=0))
        return (x - self.mean) * self.scale


def classifier():
    return nn.Sequential(
        nn.Linear(6, 16, rng=0), Running(16), nn.GELU(), nn.Dropout(0.3, rng=1), nn.Linear(16, 10, rng=2), nn.Tanh(),
        nn.Linear(10, 3, rng=3),
    )  # fmt: skip


xs = numbers.normal(size=(7, 12, 6)).astype(np.float32)
ys = numbers.integers(0, 3, size=(7, 12))


def update(net, optimizer, x, y):
    loss, gradients = mp.value_and_grad(lambda net: nn.cross_entropy(net(x), y))(net)
    optimizer.update(net, gradients)
    return loss


def epoch(net, optimizer, xs, ys):
    def step(_, batch):
        return None, update(net, optimizer, *batch)

    return mp.scan(step, None, (xs, ys))[1]


few_optimizers = pytest.mark.parametrize(
    "name", [name if name in ("SGD", "Adafactor") else pytest.param(name, marks=pytest.mark.slow) for name in full]
)


@few_optimizers
def test_steps_and_a_loop_of_steps_give_the_same_bits(name):
    net, optimizer = classifier(), make(name, 0.01)
    step = jit(update)
    single = [step(net, optimizer, x, y).numpy() for x, y in zip(xs, ys, strict=True)]
    assert step.compilations == 1
    other, second = classifier(), make(name, 0.01)
    second.init(other)
    together = jit(epoch)(other, second, xs, ys)
    assert np.stack(single).tobytes() == together.numpy().tobytes()
    assert bits(net, optimizer) == bits(other, second)


# ── training, step by step beside the eager one ──────────────────────────────────────────────────


@few_optimizers
def test_every_optimizer(name):
    train_beside(lambda: (classifier(), make(name, 0.01)), update, list(zip(xs, ys, strict=True))[:5])


@pytest.mark.parametrize(
    "number",
    [pytest.param(n, marks=pytest.mark.slow) if 0 < n < len(schedules) - 1 else n for n in range(len(schedules))],
)
def test_every_schedule(number):
    def fresh():
        return classifier(), optim.SGD(optim.build(schedules[number].describe()), momentum=0.9)

    train_beside(fresh, update, list(zip(xs, ys, strict=True))[:5])
