"""`jit`: the same function, compiled once, reading what is there now and writing what it has computed, or nothing."""

# Most cases are lambdas.
# ruff: noqa: ARG005, PLW0108

import copy
import gc
import os
import threading
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

import maplet as mp
from maplet import nn, optim
from maplet.compiler.jit import jit
from maplet.compiler.native import library
from maplet.core.array import Array, Parameter, assign
from maplet.core.tree import Stateful, leaves
from maplet.errors import PositionError, ShapeError, TraceError

numbers = np.random.default_rng(0)
x, y = numbers.normal(size=(16, 4)).astype(np.float32), numbers.integers(0, 3, size=16)


def make_net(seed=0):
    return nn.Sequential(nn.Linear(4, 8, rng=seed), nn.Tanh(), nn.Dropout(0.2, rng=1), nn.Linear(8, 3, rng=seed + 1))


def update(net, optimizer, x, y):
    loss, gradients = mp.value_and_grad(lambda net: nn.cross_entropy(net(x), y))(net)
    optimizer.update(net, gradients)
    return loss


def counted(f):
    """The function, and a list that grows by one whenever Python runs it."""
    runs = []

    def counting(*args, **kwargs):
        runs.append(1)
        return f(*args, **kwargs)

    return counting, runs


def bits(*trees):
    return {name: (str(leaf.type), leaf.numpy().tobytes()) for name, leaf in leaves(list(trees)).items()}


def assert_near(found, expected):
    np.testing.assert_allclose(np.asarray(found), np.asarray(expected), rtol=2e-5, atol=2e-6)


# ── when it is compiled ──────────────────────────────────────────────────────────────────────────


def test_a_second_call_neither_runs_python_nor_compiles():
    python, runs = counted(update)
    step = jit(python)
    net, optimizer = make_net(), optim.Adam(0.01)
    step(net, optimizer, x, y)
    before, compiled = len(runs), library().compiled
    for _ in range(5):
        step(net, optimizer, x, y)
    assert (len(runs), step.compilations, library().compiled) == (before, 1, compiled)


def test_the_learning_rate_is_no_setting():
    step = jit(update)
    net, optimizer = make_net(), optim.SGD(0.1)
    twin, other = make_net(), optim.SGD(0.1)
    for rate in (0.1, 0.05, 0.5, 0.5):
        optimizer.learning_rate = other.learning_rate = rate
        assert_near(step(net, optimizer, x, y), update(twin, other, x, y))
        if rate == 0.1:
            before, compiled = step.compilations, library().compiled
    assert (step.compilations, library().compiled) == (before, compiled)
    assert_near(net[0].weight, twin[0].weight)


def test_a_schedule_goes_on_inside_compiled_steps():
    step = jit(update)
    net, optimizer = make_net(), optim.SGD(optim.Step(0.5, every=2, factor=0.1))
    twin, other = make_net(), optim.SGD(optim.Step(0.5, every=2, factor=0.1))
    for _ in range(6):
        assert_near(step(net, optimizer, x, y), update(twin, other, x, y))
    assert step.compilations == 1


def test_a_short_last_batch_is_no_reason_to_compile():
    step = jit(update)
    net, optimizer = make_net(), optim.SGD(0.1)
    twin, other = make_net(), optim.SGD(0.1)
    for rows in (16, 16, 5, 16, 1, 5, 13):
        assert_near(step(net, optimizer, x[:rows], y[:rows]), update(twin, other, x[:rows], y[:rows]))
    assert step.compilations == 1


def test_kernels_serve_other_numbers_of_rows():
    f = jit(lambda x: mp.sum(mp.exp(x) * 2.0 + 1.0, axis=1))
    f(np.ones((64, 32), np.float32))
    compiled = library().compiled
    for rows in (63, 17, 200):
        assert_near(f(np.ones((rows, 32), np.float32)), np.full(rows, 32 * (2 * np.e + 1)))
    assert library().compiled == compiled


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        ((np.float32([1, 2]),), (np.float64([1, 2]),), "f64"),
        ((np.float32([1, 2]),), (np.int32([1, 2]),), "i32"),
        (([1.0, 2.0],), ([1.0, 2.0, 3.0],), ""),
        (({"a": 1.0},), ({"b": 1.0},), ""),
        ((np.ones((2, 3)), 0), (np.ones((2, 3)), 1), ""),
        ((np.ones((2, 3)), None), (np.ones((2, 3)), 0), ""),
        ((np.ones((2, 3)), "a"), (np.ones((2, 3)), "b"), ""),
        ((np.ones(3), True), (np.ones(3), 1), ""),
        ((np.ones(3), (1, 2)), (np.ones(3), [1, 2]), ""),
    ],
)
def test_another_form_of_the_arguments_is_one_compilation(first, second, words):
    def f(*args):
        found = sum((mp.sum(leaf) for leaf in leaves(list(args)).values()), mp.asarray(0.0))
        return found, {"static": [repr(arg) for arg in args[1:]]}

    f = jit(f)
    for given, count in ((first, 1), (second, 2), (first, 2), (second, 2)):
        total, kept = f(*given)
        assert f.compilations == len(f.reasons) == count
        assert kept == {"static": [repr(arg) for arg in given[1:]]}
        assert_near(
            total,
            sum(
                np.sum(leaf.numpy())
                for leaf in leaves([mp.asarray(a) if isinstance(a, np.ndarray) else a for a in _floats(given)]).values()
            ),
        )
    assert all(f.reasons)
    assert words in f.reasons[1]


def _floats(tree):
    if isinstance(tree, dict):
        return {key: _floats(value) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [_floats(value) for value in tree]
    return mp.asarray(tree) if isinstance(tree, float) else tree


def test_eval_and_train_are_two_programs():
    net = make_net()
    predict = jit(lambda net, x: net(x))
    trained = [predict(net, x), predict(net, x)]
    assert not np.array_equal(*trained)
    net.eval()
    assert_near(predict(net, x), net(x))
    assert predict.compilations == 2
    net.train()
    predict(net, x)
    assert predict.compilations == 2


def test_freezing_a_parameter_is_seen():
    step = jit(update)
    net, optimizer = make_net(), optim.SGD(0.1)
    for _ in range(3):
        step(net, optimizer, x, y)
    net[0].weight.trainable = False
    with pytest.raises(ShapeError, match="frozen"):  # as without jit: the optimizer has a memory for it
        step(net, optimizer, x, y)


def test_a_plain_attribute_is_a_setting():
    class Scale(nn.Module):
        def __init__(self):
            self.factor, self.powers = 2.0, [1.0, 3]

        def forward(self, x):
            return x * self.factor + self.powers[0] * x ** self.powers[1]

    net = Scale()
    f = jit(lambda net, x: net(x))
    for _ in range(3):
        assert f(net, 2.0).item() == 2 * 2 + 8
    net.factor = 3.0
    assert f(net, 2.0).item() == 2 * 3 + 8
    net.powers[1] = 2
    for value in (0.5, 0.25, 0.125, 4.0):
        net.powers[0] = None
        net.powers[0] = float(str(value))  # which may stand in memory where the last one stood
        assert f(net, 2.0).item() == 2 * 3 + value * 4


def test_functions_as_arguments_are_told_apart():
    f = jit(lambda g, x: g(x))
    for n in range(8):
        assert f(lambda x: x * n, 2.0).item() == 2 * n  # noqa: B023  (it is called at once)
        gc.collect()


def test_objects_that_are_no_arrays_are_told_apart():
    f = jit(lambda x, part: x[part])
    a = mp.arange(10)
    for n in range(8):
        assert f(a, slice(n, n + 2)).tolist() == [n, n + 1]
        gc.collect()


def test_two_nets_of_one_structure_share_the_program():
    step = jit(update)
    nets = [make_net(seed) for seed in (0, 5)]
    optimizers = [optim.Adam(0.01), optim.Adam(0.01)]
    twins, others = [make_net(seed) for seed in (0, 5)], [optim.Adam(0.01), optim.Adam(0.01)]
    for n in (0, 1, 0, 0, 1, 1):
        assert_near(step(nets[n], optimizers[n], x, y), update(twins[n], others[n], x, y))
        if n == 0:
            compiled = step.compilations, library().compiled
    assert (step.compilations, library().compiled) == compiled
    for net, twin in zip(nets, twins, strict=True):
        assert_near(net[0].weight, twin[0].weight)


# ── what it reads ────────────────────────────────────────────────────────────────────────────────


def test_captured_modules_are_read_at_every_call():
    net = make_net().eval()
    predict = jit(lambda x: net(x))
    assert_near(predict(x), net(x))
    net[0].weight[0] = 5.0
    assert_near(predict(x), net(x))
    net[0].weight = Parameter(np.ones((4, 8), np.float32))
    assert_near(predict(x), net(x))
    net.layers[3] = nn.Linear(8, 3, rng=7).eval()
    assert_near(predict(x), net(x))
    net.load_state(make_net(9).state())
    assert_near(predict(x), net(x))
    assert predict.compilations == 1


def test_captured_arrays_are_read_at_every_call():
    factor, table = mp.asarray(2.0), mp.asarray(numbers.normal(size=100))
    f = jit(lambda x: x * factor + table[3])
    for n in range(4):
        assert_near(f(1.0), (factor + table[3]))
        factor[...] = factor * 3
        table[3] = n
    assert f.compilations == 1


def test_a_variable_that_holds_another_array_is_seen():
    factor = mp.asarray(2.0)
    f = jit(lambda x: x * factor)
    assert f(1.0).item() == 2
    factor = mp.asarray(3.0)
    assert f(1.0).item() == 3


def test_what_a_plain_object_holds_is_read():
    class Settings:
        pass

    settings = Settings()
    settings.net, settings.factor = nn.Linear(4, 2, rng=0), mp.asarray(np.arange(20.0))
    f = jit(lambda x: settings.net(x) * settings.factor[3])
    assert_near(f(x), settings.net(x) * settings.factor[3])
    settings.net.bias = Parameter(np.float32([1, 2]))
    settings.factor[3] = 9.0
    assert_near(f(x), settings.net(x) * settings.factor[3])


def test_what_a_python_module_holds_is_read(monkeypatch):
    monkeypatch.setattr(nn, "shared", nn.Linear(4, 2, rng=0), raising=False)
    f = jit(lambda x: nn.shared(x))
    for seed in range(3):
        monkeypatch.setattr(nn, "shared", nn.Linear(4, 2, rng=seed))
        assert_near(f(x), nn.shared(x))


def test_the_generator_of_the_library_goes_on():
    def draw(x):
        return x + mp.random.default.normal((3,))

    mp.seed(0)
    expected = [draw(0.0).tolist() for _ in range(4)]
    f = jit(draw)
    mp.seed(0)
    assert [f(0.0).tolist() for _ in range(4)] == expected


def test_a_dict_whose_names_change():
    class Table(nn.Module):
        def __init__(self):
            self.table = {"a": Parameter([1.0, 2.0]), "b": Parameter([3.0, 4.0])}

        def forward(self, x):
            return x * self.table["a"] + (self.table["c"] * 10 if "c" in self.table else 0)

    net, f, x = Table(), jit(lambda net, x: net(x)), np.float32([1, 1])
    for _ in range(3):
        assert_near(f(net, x), net(x))
    net.table["c"] = net.table.pop("b")
    assert_near(f(net, x), net(x))


class Trainer:
    """A plain object that holds what is trained."""

    def __init__(self, wrap=lambda f: f):
        self.net, self.optimizer = make_net(), optim.Adam(0.05)
        self.step = wrap(self.step)

    def step(self, x, y):
        return update(self.net, self.optimizer, x, y)


@pytest.mark.parametrize("way", ["in the constructor", "from outside"])
def test_a_method_of_a_plain_object_trains_what_it_holds(way):
    found, expected = Trainer(jit) if way == "in the constructor" else Trainer(), Trainer()
    step = found.step if way == "in the constructor" else jit(found.step)
    for n in range(4):
        assert_near(step(x, y), expected.step(x, y))
        assert found.optimizer.steps.item() == n + 1
    assert_near(found.net[0].weight, expected.net[0].weight)


def test_methods_partials_and_keywords():
    class Model(nn.Module):
        def __init__(self):
            self.w = Parameter(np.float32([1, 2]))

        @jit
        def forward(self, x, *, twice=False):
            """Doc."""
            return self.w * x * (2 if twice else 1)

    a, b = Model(), Model()
    b.w[...] = 3.0
    assert a(1.0).tolist() == [1, 2]
    assert b(1.0, twice=True).tolist() == [6, 6]
    assert a(2.0).tolist() == [2, 4]
    assert Model.forward.compilations == a.forward.compilations == 2
    assert Model.forward.__doc__ == "Doc."
    f = jit(partial(lambda net, x, *, k: net(x) + k, a, k=1.0))
    assert f(1.0).tolist() == [2, 3]
    a.w[...] = 5.0
    assert f(1.0).tolist() == [6, 6]
    g = jit(a.forward)
    assert g(1.0).tolist() == [5, 5]
    a.w[...] = 7.0
    assert g(1.0).tolist() == [7, 7]
    by_name = jit(lambda x, *, scale, shift=0.0: x * scale + shift)
    assert by_name(2.0, scale=3.0).item() == 6
    assert by_name(2.0, shift=1.0, scale=3.0).item() == by_name(2.0, scale=3.0, shift=1.0).item() == 7
    assert by_name(x=2.0, scale=4.0).item() == 8


class Pair(NamedTuple):
    left: object
    right: object


def test_trees_go_in_and_come_out():
    def f(tree):
        a, (b, c) = tree["a"], tree["rest"]
        return {"sum": a + b, "pair": Pair(c, [a, None, "text", 3]), "again": a, "rest": (tree["rest"],)}

    tree = {"a": mp.asarray(1.0), "rest": Pair(mp.asarray([2.0]), mp.asarray([[3.0]]))}
    found, expected = jit(f)(tree), f(tree)
    assert list(leaves(found)) == list(leaves(expected))
    assert type(found["pair"]) is type(found["rest"][0]) is Pair
    assert found["pair"].right[1:] == [None, "text", 3]
    for one, other in zip(leaves(found).values(), leaves(expected).values(), strict=True):
        assert one.type == other.type
        np.testing.assert_array_equal(one, other)
    assert found["pair"].right[0] is found["again"]


def test_results_that_need_no_program():
    assert jit(lambda x: None)(1.0) is None
    assert jit(lambda x: ())(1.0) == ()
    assert jit(lambda x: x)(3.0).item() == 3
    assert jit(lambda: mp.asarray([1.0, 2.0]))().tolist() == [1, 2]
    assert jit(lambda x: (x, x, 2 * x))(np.float32([1, 2]))[1].tolist() == [1, 2]
    constant = jit(lambda x: mp.zeros((3,)) + 1)
    assert constant(1.0).tolist() == constant(2.0).tolist() == [1, 1, 1]
    y = mp.asarray([1.0, 2.0])
    found = jit(lambda x: x)(y)
    y[0] = 9.0
    assert found.tolist() == [1, 2]


@pytest.mark.parametrize(
    "value",
    [
        np.arange(12.0).reshape(3, 4).T,
        np.arange(12.0)[::-2],
        np.asfortranarray(np.arange(12.0).reshape(3, 4)),
        np.broadcast_to(np.float32(3), (2, 3)),
        np.float64(2.5),
        np.arange(24.0).reshape(2, 3, 4)[:, 1],
        np.zeros((0, 3)),
        np.array([True, False]),
        np.arange(5, dtype=np.uint8),
        np.arange(5, dtype=">f4"),
        np.frombuffer(b"\0" + np.arange(4.0).tobytes(), offset=1, dtype=np.float64),  # not aligned
        3.25,
    ],
    ids=lambda value: f"{getattr(value, 'dtype', 'float')}{getattr(value, 'shape', ())}",
)
def test_arrays_of_numpy_in_any_layout(value):
    def f(x):
        return x, mp.sum(x), ~x if x.dtype == np.bool_ else x + x

    g = jit(f)
    for given in (value, np.array(value), value):
        for one, other in zip(g(given), f(mp.asarray(given)), strict=True):
            assert one.type == other.type
            np.testing.assert_array_equal(one, other)


def test_the_same_array_in_two_places_is_not_two_arrays():
    f = jit(lambda a, b: mp.grad(lambda a, b: mp.sum(a * b), (0, 1))(a, b))
    a, b = mp.asarray([1.0, 2.0]), mp.asarray([3.0, 4.0])
    for pair in ((a, b), (a, a), (b, a), (b, b)):
        for one, other in zip(f(*pair), mp.grad(lambda a, b: mp.sum(a * b), (0, 1))(*pair), strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("use", [bool, int, float, Array.item, range], ids=lambda use: use.__name__)
def test_a_captured_array_decides_nothing_in_python(use):
    """At the next call it may have another value, and the program would be the one for the value of the first."""
    captured = mp.asarray(2)
    for f in (lambda x: x * len([use(captured)]), lambda x: mp.grad(lambda x: mp.sum(x) * len([use(captured)]))(x)):
        with pytest.raises(TraceError, match=r"from outside the function that is compiled(?s:.*)fix"):
            jit(f)(x)
        assert f(mp.asarray(x)).shape == x.shape
    assert (
        jit(lambda x: x * float(Array(np.float32(2))))(x).shape == x.shape
    )  # which is made anew whenever it is recorded


def test_big_captured_arrays():
    table = mp.asarray(numbers.normal(size=(1000, 500)))
    f = jit(lambda rows: mp.sum(table[rows], axis=1))
    for rows in ([0, 999], [-1, 5]):
        np.testing.assert_allclose(f(np.array(rows)), table.numpy()[rows].sum(axis=1), rtol=1e-12)


# ── what it writes ───────────────────────────────────────────────────────────────────────────────


class Everything(Stateful):
    """State of every kind."""

    def __init__(self):
        self.w = Parameter(np.float32([1, 2, 3]))
        self.tied = self.w
        self.mean = mp.zeros((3,))
        self.history = [mp.zeros(()), mp.ones(())]
        self.notes = {"last": mp.zeros((3,)), "name": "a"}
        self.calls = 0
        self.random = mp.random.Generator(3)


def work(state, x):
    h = state.w * x
    state.mean = 0.5 * state.mean + 0.5 * h
    state.history = [state.history[1], mp.sum(h)]  # swapped, in a way
    state.notes["last"] = h
    state.notes["count"] = mp.max(h)
    state.drawn = state.random.uniform((3,))
    assign(state.w, 0.9 * state.w + 0.1 * state.drawn)
    return mp.sum(h * state.drawn)


def test_all_that_is_written_is_as_without_jit():
    found, expected = Everything(), Everything()
    f = jit(work)
    for n in range(5):
        given = np.float32([n, 1, 2])
        assert_near(f(found, given), work(expected, given))
        assert list(leaves(found)) == list(leaves(expected))
        for (name, one), other in zip(leaves(found).items(), leaves(expected).values(), strict=True):
            assert one.type == other.type, name
            assert type(one) is type(other), name
            assert_near(one, other)
        assert found.tied is found.w
        assert found.random.draws.item() == n + 1
    assert f.compilations == 2  # as `drawn` and `count` were not there at first


def test_a_captured_object_is_written_too():
    found, expected = Everything(), Everything()
    f = jit(lambda x: work_captured(found, x))
    for n in range(4):
        assert_near(f(np.float32([n, 1, 2])), work_captured(expected, np.float32([n, 1, 2])))
        assert_near(found.mean, expected.mean)
        assert_near(found.w, expected.w)
        assert found.tied is found.w


def work_captured(state, x):
    h = state.w * x
    state.mean = 0.5 * state.mean + 0.5 * h
    assign(state.w, 0.9 * state.w)
    return mp.sum(h)


def test_an_argument_that_is_an_array_can_be_written():
    def f(a, b):
        a[1] = mp.sum(b)
        b[...] = a * 2
        return a + b

    a, b = mp.asarray([1.0, 2.0]), mp.asarray([3.0, 4.0])
    c, d = mp.asarray([1.0, 2.0]), mp.asarray([3.0, 4.0])
    g = jit(f)
    for _ in range(3):
        np.testing.assert_array_equal(g(a, b), f(c, d))
        np.testing.assert_array_equal(a, c)
        np.testing.assert_array_equal(b, d)


def doubled(a):
    a[...] = a * 2
    return mp.sum(a)


def test_a_written_array_whose_numbers_others_hold():
    f, a = jit(doubled), mp.asarray([1.0, 2.0])
    for _ in range(3):
        f(a)
    other = mp.asarray([5.0, 6.0])
    view, alias = other.numpy(), Array(other)
    assert f(other).item() == 22
    assert (view.tolist(), alias.tolist(), other.tolist(), a.tolist()) == ([5, 6], [5, 6], [10, 12], [8, 16])


def test_an_array_of_numpy_is_never_written():
    f, a = jit(doubled), np.float32([1, 2])
    for _ in range(4):
        assert f(a).item() == 6
        assert a.tolist() == [1, 2]


def test_swapped_attributes():
    class Two(Stateful):
        def __init__(self):
            self.a, self.b, self.c = mp.asarray([1.0, 2.0]), mp.asarray([3.0, 4.0]), mp.asarray([5.0, 6.0])

    def turn(s):
        s.a, s.b, s.c = s.b, s.c, s.a
        return s.a + s.b

    def mix(s):
        s.a, s.b, s.c = s.b + s.c, s.a, 2 * s.a
        return s.a - s.b

    for f in (turn, mix):
        found, expected, g = Two(), Two(), jit(f)
        for _ in range(5):
            np.testing.assert_array_equal(g(found), f(expected))
            for name in "abc":
                np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


def test_steps_write_into_the_memory_that_is_there():
    step = jit(update)
    net, optimizer = make_net(), optim.Adam(0.01)
    for _ in range(3):
        step(net, optimizer, x, y)

    def places():
        return {
            name: leaf.numpy().ctypes.data for name, leaf in leaves([net, optimizer.state]).items() if leaf.size > 1
        }

    before = places()
    for _ in range(5):
        step(net, optimizer, x, y)
    assert places() == before


ways_to_hold = {
    "a view of NumPy": lambda net: net[0].weight.numpy(),
    "np.asarray": lambda net: np.asarray(net[0].weight),
    "a slice": lambda net: net[0].weight.numpy()[1:, ::2],
    "memory": lambda net: memoryview(net[0].weight.numpy()),
    "a copy": lambda net: net[0].weight.copy(),
    "a handle": lambda net: Array(net[0].weight),
    "a part that is all": lambda net: net[0].weight[:],
    "a deep copy": lambda net: copy.deepcopy(net)[0].weight,
    "a list": lambda net: [net[0].weight.numpy()],
    "in a dict": lambda net: {"w": (net[0].weight.copy(),)},
    "reshaped": lambda net: mp.reshape(net[0].weight, (8, 4)),
    "the transpose in NumPy": lambda net: net[0].weight.numpy().T,
}


def numbers_in(held):
    while isinstance(held, list | dict | tuple):
        held = next(iter(held.values())) if isinstance(held, dict) else held[0]
    return np.array(held)


@pytest.mark.parametrize("way", ways_to_hold)
@pytest.mark.parametrize("after", [0, 1, 3])
def test_what_somebody_holds_is_never_overwritten(way, after):
    step = jit(update)
    net, optimizer = make_net(), optim.SGD(0.5)
    for _ in range(after):
        step(net, optimizer, x, y)
    held = ways_to_hold[way](net)
    before = numbers_in(held)
    handle = net[0].weight
    for _ in range(3):
        step(net, optimizer, x, y)
    np.testing.assert_array_equal(numbers_in(held), before)
    assert net[0].weight is handle
    assert not np.array_equal(np.array(handle).ravel()[: before.size], before.ravel())


def test_what_was_given_is_never_overwritten():
    start = numbers.normal(size=(4, 8)).astype(np.float32)
    mine = start.copy()
    net, optimizer = make_net(), optim.SGD(0.5)
    net[0].weight = Parameter(mine)
    state = net.state()
    other = make_net()
    other.load_state(state)
    step = jit(update)
    for _ in range(3):
        step(net, optimizer, x, y)
    np.testing.assert_array_equal(mine, start)
    np.testing.assert_array_equal(other[0].weight, start)
    assert state["layers.0.weight"] is net[0].weight  # which goes on with the net


def test_results_of_earlier_calls_are_never_overwritten():
    def step(net, optimizer, x, y):
        update(net, optimizer, x, y)
        return net[0].weight, net[0].weight + 0, optimizer.steps

    f = jit(step)
    net, optimizer = make_net(), optim.Adam(0.1)
    kept, copies = [], []
    for _ in range(5):
        kept.append(f(net, optimizer, x, y))
        copies.append([np.array(a) for a in kept[-1]])
    for one, other in zip(kept, copies, strict=True):
        for a, b in zip(one[1:], other[1:], strict=True):
            np.testing.assert_array_equal(a, b)
    del kept, copies
    found = [f(net, optimizer, x, y) for _ in range(3)]
    assert len({mp.sum(parts[1]).item() for parts in found}) == 3


def test_one_array_in_two_nets():
    step = jit(update)
    a, b = make_net(0), make_net(1)
    b[0].weight = a[0].weight
    c, d = make_net(0), make_net(1)
    d[0].weight = c[0].weight
    eager = [optim.SGD(0.1), optim.SGD(0.1)]
    native = [optim.SGD(0.1), optim.SGD(0.1)]
    for _ in range(3):
        for n, (net, twin) in enumerate(((a, c), (b, d))):
            assert_near(step(net, native[n], x, y), update(twin, eager[n], x, y))
    assert a[0].weight is b[0].weight
    assert_near(a[0].weight, c[0].weight)


def test_tied_weights_stay_tied():
    class Tied(nn.Module):
        def __init__(self):
            self.a, self.b = nn.Linear(4, 4, rng=0), nn.Linear(4, 4, rng=1)
            self.b.weight = self.a.weight

        def forward(self, x):
            return mp.tanh(self.b(mp.tanh(self.a(x))))[:, :3]

    step = jit(update)
    net, optimizer, twin, other = Tied(), optim.Adam(0.05), Tied(), optim.Adam(0.05)
    for _ in range(4):
        assert_near(step(net, optimizer, x, y), update(twin, other, x, y))
    assert net.a.weight is net.b.weight
    assert_near(net.a.weight, twin.a.weight)
    untied = Tied()
    untied.b.weight = Parameter(untied.b.weight)
    count = step.compilations
    step(untied, optim.Adam(0.05), x, y)
    assert step.compilations > count


def test_a_wrong_position_leaves_everything_as_it_was():
    def f(net, optimizer, x, y, rows):
        net.seen = mp.sum(x)
        loss = update(net, optimizer, x, y)
        return loss + mp.sum(net[0].weight[rows])

    step = jit(f)
    net, optimizer = make_net(), optim.Adam(0.1)
    net.seen = mp.asarray(0.0)
    good = np.array([0, 1, -1])
    for _ in range(3):
        step(net, optimizer, x, y, good)
    before = bits(net, optimizer)
    for wrong in ([0, 4], [-5], [2**62, 0, 0]):
        for _ in range(2):
            with pytest.raises(PositionError, match="outside"):
                step(net, optimizer, x, y, np.array([*wrong, *[0] * (3 - len(wrong))]))
            assert bits(net, optimizer) == before
    twin, other = make_net(), optim.Adam(0.1)
    for _ in range(4):
        expected = f(twin, other, x, y, good)
    assert_near(step(net, optimizer, x, y, good), expected)


def test_labels_outside_the_classes_leave_everything_as_it_was():
    step = jit(update)
    net, optimizer = make_net(), optim.Adam(0.1)
    for _ in range(2):
        step(net, optimizer, x, y)
    before = bits(net, optimizer)
    wrong = y.copy()
    wrong[3] = 3
    with pytest.raises(PositionError):
        step(net, optimizer, x, wrong)
    assert bits(net, optimizer) == before


def test_an_error_in_python_leaves_everything_as_it_was():
    def f(net, x, how):
        net.mean = mp.sum(x)
        net[0].weight[0] = 1.0
        if how == "bool" and mp.sum(x) > 0:
            return x
        if how == "shape":
            return x @ mp.ones((77, 2))
        return net(x)

    net = make_net()
    net.mean = mp.asarray(0.0)
    g = jit(f)
    before = bits(net)
    for how, error in (("bool", TraceError), ("shape", ShapeError)):
        with pytest.raises(error):
            g(net, x, how)
        assert bits(net) == before
    assert g.compilations == 0
    g(net, x, "good")
    assert bits(net) != before
    assert g.compilations == 1


def test_results_cannot_be_written_to():
    net, optimizer = make_net(), optim.Adam(0.1)
    f = jit(lambda net, optimizer: (update(net, optimizer, x, y), net[0].weight, x))
    for _ in range(3):
        for found in (*f(net, optimizer), *leaves([net, optimizer]).values()):
            assert type(found) in (Array, Parameter)
            assert not found.numpy().flags.writeable
    loss, _, _ = f(net, optimizer)
    assert type(loss) is Array


# ── jit among the other transforms ───────────────────────────────────────────────────────────────


def cube(x):
    return mp.sum(x * x * mp.tanh(x))


given = mp.asarray([0.5, -1.0, 2.0])
compositions = {
    "jit of jit": (lambda: jit(lambda x: jit(cube)(x) * 2), lambda x: cube(x) * 2),
    "grad of jit": (lambda: mp.grad(jit(cube)), mp.grad(cube)),
    "jit of grad": (lambda: jit(mp.grad(cube)), mp.grad(cube)),
    "jit of grad of jit": (lambda: jit(mp.grad(jit(cube))), mp.grad(cube)),
    "grad of jit of grad": (
        lambda: mp.grad(lambda x: mp.sum(jit(mp.grad(cube))(x))), mp.grad(lambda x: mp.sum(mp.grad(cube)(x))),
    ),
    "vmap of jit": (lambda: mp.vmap(jit(lambda x: x * mp.exp(x))), lambda x: x * mp.exp(x)),
    "jit of vmap": (lambda: jit(mp.vmap(lambda x: x * mp.exp(x))), lambda x: x * mp.exp(x)),
    "jvp of jit": (lambda: lambda x: mp.jvp(jit(cube), (x,), (x,))[1], lambda x: mp.jvp(cube, (x,), (x,))[1]),
    "hessian of jit": (lambda: mp.hessian(jit(cube)), mp.hessian(cube)),
    "jit of hessian": (lambda: jit(mp.hessian(cube)), mp.hessian(cube)),
    "jit in scan": (
        lambda: lambda x: mp.scan(lambda c, _: (jit(mp.tanh)(c), None), x, length=3)[0],
        lambda x: mp.tanh(mp.tanh(mp.tanh(x))),
    ),
    "checkpoint of jit": (lambda: mp.grad(mp.checkpoint(jit(cube))), mp.grad(cube)),
    "trace of jit": (lambda: lambda x: mp.evaluate(mp.trace(jit(cube), x), x), cube),
}  # fmt: skip


@pytest.mark.parametrize("which", compositions)
def test_jit_among_the_other_transforms(which):
    make, plain = compositions[which]
    f = make()
    for _ in range(2):
        assert_near(f(given), plain(given))
    assert_near(f(2 * given), plain(2 * given))


def test_writes_pass_through_an_outer_transform():
    class Net(nn.Module):
        def __init__(self):
            self.w, self.mean = Parameter(np.float32([1, 2, 3])), mp.zeros((3,))

        def forward(self, x):
            self.mean = 0.5 * self.mean + x
            return mp.sum(self.w * x)

    found, expected = Net(), Net()
    inner = jit(lambda net, x: net(x))
    outer = jit(lambda net, x: mp.value_and_grad(inner)(net, x))
    for _ in range(3):
        for one, other in zip(
            leaves(outer(found, given)).values(),
            leaves(mp.value_and_grad(lambda net, x: net(x))(expected, given)).values(),
            strict=True,
        ):
            assert_near(one, other)
        assert_near(found.mean, expected.mean)
    mp.value_and_grad(inner)(found, given)
    mp.value_and_grad(inner)(expected, given)
    assert_near(found.mean, expected.mean)


def test_operations_of_the_host_run_in_between():
    a = numbers.normal(size=(5, 5)) + 5 * np.eye(5)

    def f(a, b, k):
        order = mp.argsort(b)
        solution = mp.linalg.solve(a, b) if hasattr(mp, "linalg") else b
        return mp.sum(solution * 2), mp.take(b, order)[k], mp.sort(b * 2)

    g = jit(f)
    for _ in range(3):
        b = numbers.normal(size=5)
        for one, other in zip(g(a, b, 2), f(mp.asarray(a), mp.asarray(b), 2), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-12)


# ── many calls, many threads ─────────────────────────────────────────────────────────────────────


statm = Path("/proc/self/statm")


def resident():
    return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not statm.exists(), reason="counts memory as Linux tells it")
@pytest.mark.parametrize("calls", [4_000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_memory_does_not_grow(calls):
    """What is kept at every call makes memory grow in every round; what is taken once, for whatever, does not."""
    step = jit(update)
    net, optimizer = make_net(), optim.Adam(0.001)
    f = jit(lambda x: {"a": x + 1, "b": [mp.sum(x)]})
    big = np.ones((64, 64), np.float32)

    def round_of_calls(calls):
        before = resident()
        for _ in range(calls):
            step(net, optimizer, x, y)
            f(big)
        gc.collect()
        return resident() - before

    round_of_calls(500)
    count = len(gc.get_objects())
    grown = [round_of_calls(calls) for _ in range(3)]
    assert len(gc.get_objects()) - count < 200
    assert min(grown) < 40 * calls


def run_together(*jobs):
    errors = []

    def guarded(job):
        try:
            job()
        except BaseException as error:  # noqa: BLE001  (whatever it is, the test is to see it)
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    if errors:
        raise errors[0]


def test_threads_call_one_function_at_the_same_time():
    f = jit(lambda x: mp.sum(mp.exp(x) * x, axis=0))
    xs = [numbers.normal(size=(200, 50)) for _ in range(3)]
    expected = [np.array(f(x)) for x in xs]

    def calls(n):
        for _ in range(150):
            np.testing.assert_array_equal(f(xs[n]), expected[n])

    run_together(*(partial(calls, n) for n in range(3)))


def test_threads_compile_and_train_at_the_same_time():
    step = jit(update)
    nets, optimizers = [make_net(n) for n in range(3)], [optim.Adam(0.01) for _ in range(3)]
    alone, others = [make_net(n) for n in range(3)], [optim.Adam(0.01) for _ in range(3)]
    rows = [16, 16, 11]

    def train(n):
        for _ in range(40):
            step(nets[n], optimizers[n], x[: rows[n]], y[: rows[n]])

    run_together(*(partial(train, n) for n in range(3)))
    single = jit(update)
    for n in range(3):
        for _ in range(40):
            single(alone[n], others[n], x[: rows[n]], y[: rows[n]])
        assert bits(nets[n], optimizers[n]) == bits(alone[n], others[n])


def test_different_functions_in_threads():
    fs = [jit(lambda x, k=k: mp.sum(mp.tanh(x * (k + 1.0)))) for k in range(4)]
    xs = numbers.normal(size=(64, 64))

    def calls(k):
        for _ in range(50):
            assert_near(fs[k](xs), np.sum(np.tanh(xs * (k + 1.0))))

    run_together(*(partial(calls, k) for k in range(4)))


def test_a_net_that_was_compiled_can_be_copied():
    net, optimizer = make_net(), optim.Adam(0.1)
    step = jit(update)
    for _ in range(3):
        step(net, optimizer, x, y)
    assert bits(copy.deepcopy(net)) == bits(net)


def test_an_array_that_is_a_row_repeated_stays_where_it_was_found():
    """In memory it is no array in C order: the copy that native code reads must last until the next call."""
    row = mp.broadcast_to(mp.asarray([1.0, 2.0]), (300, 2))
    f = jit(lambda held, x: held[0] * x)
    held, kept = [row], []
    for n in range(5):
        found = f(held, np.float32(n))
        kept += [np.full((300, 2), 7, np.float32) for _ in range(20)]
        np.testing.assert_array_equal(found, np.broadcast_to(np.float32([n, 2 * n]), (300, 2)))
