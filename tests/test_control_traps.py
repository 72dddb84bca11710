"""Programs in which it is easy to be wrong: aliases, ties, objects met twice, branches not taken, long bodies."""

import numpy as np
import pytest

import maplet as mp
from maplet import nn
from maplet.core.tree import Stateful
from maplet.errors import PositionError, TraceError


class Box(Stateful):
    def __init__(self, **attributes):
        for name, value in attributes.items():
            setattr(self, name, value)


x = mp.asarray([0.0, 1.0, 4.0])


# ── the branch not taken, inside and beside other things ─────────────────────────────────────────


def guarded(r):
    return mp.where(r > 0, mp.sqrt(r), 0.0)


beside = {
    "map": lambda x: mp.sum(mp.map(guarded, x)),
    "scan": lambda x: mp.scan(lambda total, r: (total + guarded(r), None), 0.0, x)[0],
    "vmap": lambda x: mp.sum(mp.vmap(guarded)(x)),
    "vmap of cond": lambda x: mp.sum(mp.vmap(lambda v: mp.cond(v > 0, mp.sqrt, lambda v: v * 0.0, v))(x)),
    "checkpoint": lambda x: mp.sum(mp.checkpoint(guarded)(x)),
}


@pytest.mark.parametrize("name", beside)
def test_a_safe_where_stays_safe_inside(name):
    np.testing.assert_allclose(mp.grad(beside[name])(x), [0.0, 0.5, 0.25])


def test_what_else_is_made_of_a_guarded_value_does_not_matter():
    def with_root(x):
        root = mp.sqrt(x)
        return mp.sum(mp.where(x > 0, root, 0.0)), root

    gradient, _ = mp.grad(with_root, has_aux=True)(x)
    np.testing.assert_allclose(gradient, [0.0, 0.5, 0.25])
    box = Box(root=mp.zeros((3,)))

    def writing(x):
        box.root = mp.sqrt(x)
        return mp.sum(mp.where(x > 0, box.root, 0.0))

    np.testing.assert_allclose(mp.grad(writing)(x), [0.0, 0.5, 0.25])


# ── arrays made inside, aliases and ties ─────────────────────────────────────────────────────────


@pytest.mark.parametrize("make", [mp.Array, mp.Parameter])
def test_an_array_made_in_a_body_is_new_in_every_step(make):
    def body(carry, r):
        total = make(np.zeros(1, np.float32))
        total[0] = total[0] + r
        return carry, total[0]

    assert mp.scan(body, None, mp.ones((3,)))[1].tolist() == [1.0, 1.0, 1.0]


def test_a_tie_made_in_a_body_is_refused():
    box = Box(a=mp.asarray(1.0), b=mp.asarray(2.0))

    def body(carry, _):
        box.a = box.b
        box.a[...] = box.a + 5.0
        return carry, None

    with pytest.raises(TraceError, match=r"Box\.a is set to an array from outside") as caught:
        mp.scan(body, None, length=2)
    assert ".copy()" in caught.value.fix
    assert (float(box.a), float(box.b)) == (1.0, 2.0)


def test_branches_change_an_array_in_one_way():
    box = Box(n=mp.zeros((2,)))

    def anew():
        box.n = box.n + 1.0

    def in_place():
        box.n[0] = 5.0

    with pytest.raises(TraceError, match="in two ways"):
        mp.cond(mp.asarray(True), anew, in_place)
    assert box.n.tolist() == [0.0, 0.0]


# ── one object met twice ─────────────────────────────────────────────────────────────────────────

with_an_object_twice = {
    "vjp": lambda f, g: mp.vjp(lambda x: f(x, g, g), 1.0)[0],
    "vjp of arguments": lambda f, g: mp.vjp(f, 1.0, g, g)[0],
    "checkpoint": lambda f, g: mp.checkpoint(f)(1.0, g, g),
    "cond": lambda f, g: mp.cond(mp.asarray(True), f, f, 1.0, g, g),
    "grad": lambda f, g: mp.grad(lambda x, a, b: ((r := f(x, a, b))[0] + r[1], r), has_aux=True)(1.0, g, g)[1],
    "vmap": lambda f, g: [r[0] for r in mp.vmap(f, in_axes=(0, None, None))(mp.ones((1,)), g, g)],
}


@pytest.mark.parametrize("name", with_an_object_twice)
def test_an_object_in_two_arguments_is_one(name):
    def two(x, g, h):
        return x * g.uniform(), x * h.uniform()

    once, twice = mp.random.Generator(0), mp.random.Generator(0)
    expected = [float(r) for r in two(1.0, once, once)]
    found = [float(r) for r in with_an_object_twice[name](two, twice)]
    if name == "vmap":  # a row's draw has its own position
        expected = [float(r[0]) for r in two(mp.ones((1,)), *[mp.random.Generator(0)] * 2)]
    assert found == expected
    assert int(twice.draws) == 2


def test_changing_an_argument_and_the_same_object_outside_is_refused():
    box = Box(n=mp.asarray(0.0))

    def f(x, a):
        a.n = a.n + 1.0
        box.n = box.n + 1.0
        return x

    def outside_only(x, a):
        box.n = box.n + x
        return a.n

    for call in (lambda: mp.grad(f)(1.0, box), lambda: mp.checkpoint(outside_only)(1.0, box)):
        with pytest.raises(TraceError, match=r"Box\.n is given as an argument, and changed"):
            call()
        assert float(box.n) == 0.0


def test_an_argument_beside_the_same_object_that_stays_as_it_is():
    """A target network: the variable is a constant, the argument is what is differentiated."""
    net = nn.Linear(2, 1, rng=0)
    x = mp.ones((3, 2))
    gradients = mp.grad(lambda learner: mp.sum(learner(x) * net(x)))(net)
    np.testing.assert_allclose(gradients["bias"], mp.sum(net(x), axis=0), rtol=1e-6)


def test_the_gradient_of_a_net_that_is_two_arguments():
    net = nn.Linear(2, 1, rng=0)
    both = mp.grad(lambda a, b: mp.sum(a(mp.ones((1, 2))) * b(mp.ones((1, 2)))), argnums=(0, 1))(net, net)
    once = mp.grad(lambda a: mp.sum(a(mp.ones((1, 2))) ** 2))(net)
    for gradients in both:
        np.testing.assert_allclose(gradients["weight"], once["weight"], rtol=1e-6)


def test_a_parameter_that_is_set_anew_stays_one():
    net = nn.Linear(2, 2)
    net.bias.trainable = False
    net.weight = net.weight - 1.0
    net.bias = net.bias + 1.0
    assert list(mp.grad(lambda net: mp.sum(net(mp.ones((1, 2)))))(net)) == ["weight"]
    assert list(net.parameters()) == ["weight", "bias"]


# ── indices, rows, lengths ───────────────────────────────────────────────────────────────────────


def test_a_large_index_goes_to_the_last_branch():
    for index in (2**63 + 5, 2**64 - 1, 3):
        chosen = mp.switch(mp.asarray(np.uint64(index)), [lambda: 0.0, lambda: 1.0, lambda: 2.0])
        assert float(chosen) == 2.0


def test_rows_that_take_different_branches_may_draw_alike():
    generator, box = mp.random.Generator(0), Box(n=mp.asarray(0.0))

    def branch(x):
        box.n = box.n + 1.0
        return x + generator.uniform()

    rows = mp.vmap(lambda x: mp.cond(x > 1.5, branch, branch, x))(x)
    np.testing.assert_array_equal(rows - x, mp.random.Generator(0).uniform((3,)) + x - x)
    assert (int(generator.draws), float(box.n)) == (1, 1.0)


def test_long_bodies_are_no_matter_of_recursion():
    def chain(x):
        y = x
        for _ in range(1500):
            y = mp.sin(y)
        return mp.sum(mp.where(x > 0, y, 0.0))

    assert np.isfinite(np.asarray(mp.grad(chain)(x))).all()

    def of_a_scan(w):
        def body(h, r):
            total, turned = r, h
            for _ in range(1200):
                total, turned = total + r @ w, -turned
            return h, mp.sum(total + turned @ w)

        return mp.sum(mp.scan(body, mp.ones((1, 2)), mp.ones((3, 1, 2)))[1])

    np.testing.assert_allclose(mp.grad(of_a_scan)(mp.ones((2, 2))), np.full((2, 2), 3603.0))


def test_no_unknowns_are_a_solution():
    assert mp.custom_root(lambda x, a: x * x - a, mp.zeros((0,)), mp.zeros((0,))).shape == (0,)


def test_a_position_outside_one_axis_is_refused_though_it_is_inside_of_all():
    """Two index arrays are looked up as one; (0, 3) of a 3 × 3 matrix is not (1, 0)."""
    a = mp.asarray(np.arange(9.0).reshape(3, 3))

    def get(i, j):
        return a[i, j]

    def put(i, j):
        b = a.copy()
        b[i, j] = 99.0
        return b

    graph = mp.trace(get, mp.asarray(0), mp.asarray(0))
    for i, j in [(0, 3), (2, -5), (0, 4), (3, 0), (-4, 2)]:
        rows, columns = mp.asarray([i]), mp.asarray([j])
        for call in (
            lambda rows=rows, columns=columns: mp.vmap(get)(rows, columns),
            lambda rows=rows, columns=columns: mp.vmap(put)(rows, columns),
            lambda rows=rows, columns=columns: mp.map(lambda at: get(*at), (rows, columns)),
            lambda at=(i, j), graph=graph: mp.evaluate(graph, *map(mp.asarray, at)),
        ):
            with pytest.raises(PositionError):
                call()
    inside = mp.vmap(get)(mp.asarray([0, -1, 2]), mp.asarray([-3, 2, 0]))
    assert inside.tolist() == [0.0, 8.0, 6.0]


def test_means_of_many_halves():
    many = mp.asarray(np.full((300, 300), 300.0, np.float16))
    assert (float(mp.mean(many)), float(mp.var(many)), str(mp.mean(many).dtype)) == (300.0, 0.0, "float16")
    np.testing.assert_allclose(mp.grad(lambda x: mp.mean(x * x))(mp.ones_like(many))[0, 0], 2 / 90000, rtol=1e-2)
    loss = nn.mae(mp.asarray(np.full(70000, 0.5, np.float16)), mp.asarray(np.zeros(70000, np.float16)))
    assert float(loss) == 0.5
