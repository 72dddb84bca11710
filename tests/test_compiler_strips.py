"""Items that run in strips of a few rows: the same bits as whole arrays, whatever the strip, and less memory."""

import numpy as np
import pytest

import maplet as mp
from maplet import nn
from maplet.compiler import elements, strips, threads
from maplet.compiler.blocks import Nest, Strips
from maplet.compiler.jit import jit
from maplet.compiler.listing import inner_blocks, listing
from maplet.compiler.program import Program
from maplet.core.array import assign
from maplet.core.recording import graph_of
from maplet.core.tree import Stateful, leaves
from maplet.errors import PositionError
from native_laws import assert_equal, checked, graph_for, type_of
from random_graphs import RandomGraph

pytestmark = pytest.mark.usefixtures("nothing_on_disk")


@pytest.fixture
def small(monkeypatch):
    """Everything that can go in strips does, by ``room`` bytes of all that a strip works on."""

    def choose(room):
        monkeypatch.setattr(strips, "worth_it", 1)
        monkeypatch.setattr(strips, "good_part", 1 << 60)
        monkeypatch.setattr(strips, "room", room)

    return choose


def strips_in(block):
    inside = [found for item in block.items for inner in inner_blocks(item) for found in strips_in(inner)]
    return inside + [item for item in block.items if isinstance(item, Strips)]


def run(graph, values):
    program = checked(Program(graph))
    return program.run([np.ascontiguousarray(x).reshape(x.shape) for x in values]), strips_in(program.block)


# ── row by row, at random ────────────────────────────────────────────────────────────────────────


class RandomRows:
    """A random program in which most arrays have the same rows, and some are sums over them."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.rows, self.columns = (int(self.rng.choice([3, 5, 8, 13, 37, 64, 97])) for _ in range(2))
        dtype = str(self.rng.choice(["float32", "float64"]))
        self.values = [self.rng.normal(size=(self.rows, self.columns)).astype(dtype) for _ in range(2)]
        self.values.append(self.rng.integers(-self.columns, self.columns, size=self.rows))
        self.graph = graph_for(self._write, self.values)

    def _pick(self, options):
        return options[int(self.rng.integers(len(options)))]

    def _write(self, inputs):
        x, y, self.labels = inputs
        self.pool, self.thin, self.other = [x, y], [x[:, :1]], [mp.sum(y)]
        kinds = [self._across, self._across, self._sum_of_row, self._sum_of_row, self._sum_of_rows, self._look_up,
                 self._aim, self._mix, self._mix, self._mix, self._turned, self._whole]  # fmt: skip
        for _ in range(14):
            self._pick(kinds)()
        return [self.pool[-1], self._pick(self.pool), self._pick(self.thin), *self.other]

    def _across(self):
        self.pool.append(self._pick([mp.sin, mp.tanh, mp.square, mp.negative])(self._pick(self.pool)))

    def _mix(self):
        other = self._pick([self._pick(self.pool), self._pick(self.thin), self._pick(self.other)])
        self.pool.append(self._pick([mp.add, mp.multiply, mp.maximum])(self._pick(self.pool), other))

    def _sum_of_row(self):
        reduce = self._pick([mp.sum, mp.max, mp.mean, mp.min])
        self.thin.append(mp.tanh(reduce(self._pick(self.pool), axis=1, keepdims=True)))

    def _sum_of_rows(self):
        reduce = self._pick([mp.sum, mp.min, mp.mean])
        self.other.append(reduce(mp.tanh(self._pick(self.pool)) * self._pick(self.thin), axis=0))

    def _look_up(self):
        self.thin.append(mp.take_along_axis(self._pick(self.pool), self.labels[:, None], axis=1))

    def _aim(self):
        found = mp.vjp(lambda x: mp.take_along_axis(x, self.labels[:, None], axis=1), self._pick(self.pool))
        self.pool.append(found[1](self._pick(self.thin))[0])

    def _turned(self):
        x = self._pick(self.pool)
        self.pool.append(self._pick([lambda: mp.flip(x, axis=0), lambda: mp.flip(x, axis=1), lambda: x * mp.sum(x)])())

    def _whole(self):
        self.other.append(mp.sum(self._pick(self.pool)))


@pytest.mark.parametrize("count", [40, pytest.param(120, marks=pytest.mark.slow)])
def test_random_rows(small, monkeypatch, count):
    found = tails = sums = parts = 0
    for seed in range(count):
        monkeypatch.setattr(elements, "long", (4, 512)[seed % 2])  # half of them in parts that threads share
        made = RandomRows(seed)
        expected, none = run(made.graph, made.values)
        assert not none
        small(room := int(2 ** made.rng.integers(6, 12)))
        results, groups = run(made.graph, made.values)
        found += bool(groups)
        tails += any(group.rows % group.strip for group in groups)
        sums += any(member.sums for group in groups for member in group.members)
        parts += any(elements.part_of(group.rows) < group.rows for group in groups)
        for n, (one, other) in enumerate(zip(results, expected, strict=True)):
            assert_equal(one, other, (seed, room, n))
        strips.worth_it = 1 << 21
    least = (count / 3, count / 12, count / 6, count / 8)
    assert all(seen > enough for seen, enough in zip((found, tails, sums, parts), least, strict=True)), (
        found,
        tails,
        sums,
        parts,
    )


@pytest.mark.parametrize("room", [64, 600])
@pytest.mark.parametrize("count", [15, pytest.param(60, marks=pytest.mark.slow)])
def test_random_graphs(small, room, count):
    seen = 0
    for seed in range(count):
        made = RandomGraph(seed)
        expected, _ = run(made.graph, made.values)
        small(room)
        results, groups = run(made.graph, made.values)
        seen += bool(groups)
        for one, other in zip(results, expected, strict=True):
            assert_equal(one, other, seed)
        strips.worth_it = 1 << 21
    assert seen


# ── layer norm and softmax ───────────────────────────────────────────────────────────────────────


def row_wise(x, gamma, beta, labels):
    def loss(x, gamma, beta):
        mean, variance = mp.mean(x, axis=-1, keepdims=True), mp.var(x, axis=-1, keepdims=True)
        return nn.cross_entropy(mp.gelu((x - mean) * mp.rsqrt(variance + 1e-5) * gamma + beta), labels)

    return mp.value_and_grad(loss, argnums=(0, 1, 2))(x, gamma, beta)


def given(rows, columns, dtype="float32"):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, columns)).astype(dtype)
    return x, np.ones(columns, dtype), np.zeros(columns, dtype), rng.integers(0, columns, rows)


def recorded(values):
    return graph_of(lambda inputs: leaves(row_wise(*inputs)).values(), [type_of(x) for x in values])


@pytest.mark.parametrize(
    ("rows", "columns", "dtype"),
    [(37, 100, "float64"), (64, 33, "float32"), (64, 33, "float64"), (257, 700, "float32")],
)
def test_layer_norm_and_cross_entropy(small, rows, columns, dtype):
    values = [mp.asarray(x) for x in given(rows, columns, dtype)]
    expected = jit(row_wise)(*values)
    small(columns * 300)
    for number in (1, 2, 3):
        threads.set_threads(number)
        try:
            found = jit(row_wise)(*values)
        finally:
            threads.set_threads(1)
        assert_equal(found[0].numpy(), expected[0].numpy())
        for one, other in zip(found[1], expected[1], strict=True):
            assert_equal(one.numpy(), other.numpy())


def test_a_large_one_goes_in_one_group_of_strips_and_keeps_little(monkeypatch):
    values = given(2048, 512)
    f = jit(row_wise)
    found = f(*map(mp.asarray, values))
    (program,) = (made.program for made in f.programs.values())
    (group,) = strips_in(program.block)
    assert len([item for item in program.block.items if isinstance(item, Nest)]) <= 3
    memory = program.instructions.arena.size
    monkeypatch.setattr(strips, "worth_it", 1 << 60)
    g = jit(row_wise)
    expected = g(*map(mp.asarray, values))
    (whole,) = (made.program for made in g.programs.values())
    assert memory < values[0].nbytes < whole.instructions.arena.size / 3
    assert group.strip < group.rows
    assert_equal(found[1][0].numpy(), expected[1][0].numpy())


@pytest.mark.parametrize("rows", [512, 1000, 1531])
def test_threads_share_the_parts_of_the_rows(any_threads, rows):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(rows, 700)).astype("f4"), rng.integers(0, 700, rows)
    w, b = rng.normal(size=(2, 700)).astype("f4")

    def f(x, w, b, y):
        h = (x - mp.mean(x, axis=1, keepdims=True)) * w + b
        return mp.value_and_grad(lambda x, w, b: nn.cross_entropy(x * mp.exp(h) * w + b, y), argnums=(0, 1, 2))(x, w, b)

    program = checked(Program(graph_for(lambda a: [*leaves(f(*a)).values()], [x, w, b, y])))
    assert program.instructions.shared
    expected = None
    for number in (1, 2, 3, 4, 16):
        any_threads(number)
        results = [result.copy() for result in program.run([x.copy(), w.copy(), b.copy(), y.copy()])]
        for one, other in zip(results, expected or results, strict=True):
            assert_equal(one, other, number)
        expected = expected or results


def test_a_long_strip_takes_its_rows_one_after_another(small, monkeypatch):
    """Only the rows of the whole array decide in which parts they are taken."""
    monkeypatch.setattr(elements, "long", 40)
    x = np.random.default_rng(0).normal(size=(1100, 4)).astype("f4")
    graph = graph_for(lambda a: [mp.sum(mp.softmax(mp.exp(a[0]), axis=1), axis=0)], [x])
    expected, none = run(graph, [x])
    assert not none
    small(1 << 14)
    found, (group,) = run(graph, [x])
    assert group.strip >= elements.long
    assert_equal(found[0], expected[0])


@pytest.mark.parametrize("rows", [400, 1000])
def test_an_error_behind_strips_leaves_everything_as_it_was(rows):
    net = nn.Linear(1500, rows)
    net.weight = mp.Parameter(mp.random.default.normal((rows, 1500)))

    @mp.jit
    def step(net, places):
        p, q = mp.softmax(net.weight, axis=1), mp.softmax(net.weight * 2, axis=1)
        g = p * q - mp.sum(p * q, axis=1, keepdims=True) * p
        assign(net.weight, net.weight - 0.1 * g)
        return mp.take(mp.sum(g, axis=0), places, axis=0)

    step(net, mp.asarray([0, 1]))
    (made,) = (compiled.program for compiled in step.programs.values())
    assert any(isinstance(item, Strips) for item in made.block.items)
    before = np.asarray(net.weight).copy()
    with pytest.raises(PositionError):
        step(net, mp.asarray([0, 9999]))
    np.testing.assert_array_equal(np.asarray(net.weight), before)


def test_a_wrong_label_is_reported(small):
    x, gamma, beta, labels = given(64, 33)
    small(4000)
    labels[50] = 33
    with pytest.raises(PositionError, match="take_along_axis"):
        jit(row_wise)(x, gamma, beta, labels)


# ── what goes together ───────────────────────────────────────────────────────────────────────────


def groups_of(f, *values):
    graph = graph_for(lambda inputs: leaves(f(*inputs)).values(), list(values))
    return strips_in(Program(graph).block)


x = np.random.default_rng(1).normal(size=(24, 10)).astype("float32")


def soft(x):
    return mp.exp(x - mp.max(x, axis=1, keepdims=True))


cases = {
    "a softmax": (lambda x: soft(x) / mp.sum(soft(x), axis=1, keepdims=True), True),
    "a sum over the rows at its end": (lambda x: mp.sum(mp.exp(soft(x) * 2), axis=0), True),
    "rows in another order": (lambda x: mp.flip(mp.exp(soft(x)), axis=0), False),
    "one function": (mp.exp, False),
    "nothing between": (lambda x: [mp.exp(x), mp.sum(x, axis=1)], False),
}


@pytest.mark.parametrize("name", cases)
def test_what_goes_in_strips(small, name):
    f, expected = cases[name]
    small(400)
    assert bool(groups_of(f, x)) == expected


def test_a_strip_fits_the_room(small):
    for room in (100, 1000, 5000):
        small(room)
        for group in groups_of(cases["a softmax"][0], x):
            moved = {node: step for member in group.members for node, step in member.steps.items()}
            assert group.strip == 1 or 4 * group.strip * sum(moved.values()) <= room


def test_listing(small):
    small(1000)
    f = cases["a sum over the rows at its end"][0]
    graph = graph_for(lambda inputs: [f(*inputs)], [x])
    assert listing(Program(graph).block, origins=False).splitlines() == [
        "fused(x0: f32[24,10]) {",
        "  strips of 16 of 24 rows",
        "    nest 24×1",
        "      %0[i,0] = max(k<10: x0[i,k])   : f32[24,1]",
        "    nest 10",
        "      %1[i] = sum(j<24: exp(exp(x0[j,i] - %0[j,0]) * 2.0))   : f32[10]",
        "  return %1",
        "}",
    ]


class State(Stateful):
    def __init__(self):
        self.x, self.y = mp.asarray(x), mp.asarray(x[::-1].copy())


def moved(state):
    p = soft(state.x) / mp.sum(soft(state.x), axis=1, keepdims=True)
    state.x = state.x - p * state.y
    state.y = state.y * mp.sum(p, axis=1, keepdims=True)


def crossed(state):
    """Here the old values are read after they would be overwritten."""
    new = state.x - soft(state.x)
    state.y = state.y + mp.max(new, axis=1, keepdims=True) * state.x
    state.x = new


@pytest.mark.parametrize("f", [moved, crossed])
def test_what_is_overwritten_was_read_before(small, f):
    found, expected, compiled = State(), State(), jit(f)
    small(400)
    compiled(found)
    (made,) = compiled.programs.values()
    assert strips_in(made.program.block)
    assert made.program.in_place or f is crossed
    f(expected)
    for _ in range(4):
        compiled(found)
        f(expected)
        for name in "xy":
            np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=1e-5, atol=1e-6)
