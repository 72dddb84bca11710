"""What a function writes to objects and handles while it is differentiated: once, after success, or not at all."""

# Most cases are lambdas.
# ruff: noqa: PLW0108

import numpy as np
import pytest

import maplet as mp
from maplet.core.array import Array, Parameter, assign
from maplet.core.tree import Stateful
from maplet.errors import GradientError, TraceError


class Net(Stateful):
    """A model with all kinds of state: weights, a running mean, a counter, a list, a dict, a nested object."""

    def __init__(self):
        self.w = Parameter([1.0, 2.0])
        self.frozen = Parameter([5.0], trainable=False)
        self.mean = mp.zeros((2,))
        self.calls = 0
        self.seen = []
        self.notes = {"last": None}
        self.random = mp.random.Generator(3)

    def __call__(self, x):
        h = self.w * x
        self.mean = 0.5 * self.mean + 0.5 * h
        self.calls += 1
        self.seen.append(mp.sum(h))
        self.notes["last"] = h
        self.drawn = self.random.uniform((2,))
        return mp.sum(h * h) + mp.sum(self.frozen)


x = mp.asarray([3.0, 4.0])


def by_value_and_grad(net):
    return mp.value_and_grad(lambda net: net(x))(net)


def by_vjp(net):
    value, pullback = mp.vjp(lambda net: net(x), net)
    pullback(1.0)
    return value, pullback(1.0)[0]  # a pullback writes nothing, however often it runs


def by_capture(net):
    value, gradient = mp.value_and_grad(lambda w: _with_weight(net, w))(Parameter(net.w))
    return value, {"w": gradient}


def _with_weight(net, w):
    assign(net.w, w)
    return net(x)


def by_checkpoint(net):
    return mp.value_and_grad(mp.checkpoint(lambda net: net(x)))(net)


def by_nested(net):
    """The inner derivative writes into the outer trace, and that writes to the net."""

    def outer(scale, net):
        value, gradient = mp.value_and_grad(lambda net: net(x) * scale)(net)
        return mp.sum(gradient["w"]), (value, gradient)

    (_, (value, gradient)), _ = mp.value_and_grad(outer, has_aux=True)(1.0, net)
    return value, gradient


ways = pytest.mark.parametrize(
    "way", [by_value_and_grad, by_vjp, by_checkpoint, by_nested], ids=lambda way: way.__name__
)


@ways
def test_everything_is_written_exactly_once(way):
    net, plain = Net(), Net()
    expected = plain(x)
    w = net.w
    value, gradient = way(net)
    assert float(value) == float(expected)
    assert list(gradient) == ["w"]
    np.testing.assert_allclose(gradient["w"], 2 * plain.w.numpy() * x.numpy() ** 2)
    assert net.w is w
    assert net.calls == 1
    assert len(net.seen) == 1
    for found, wanted in [
        (net.mean, plain.mean), (net.notes["last"], plain.notes["last"]), (net.seen[0], plain.seen[0]),
        (net.random.draws, plain.random.draws), (net.drawn, plain.drawn),
    ]:  # fmt: skip
        np.testing.assert_array_equal(found, wanted)  # which also shows that they are no traced arrays


def test_a_captured_object_is_written_too():
    net, plain = Net(), Net()
    plain(x)
    w = net.w
    value, gradient = mp.value_and_grad(lambda s: net(x) * s)(1.0)
    assert float(gradient) == float(value)
    assert net.w is w
    assert net.calls == 1
    np.testing.assert_array_equal(net.mean, plain.mean)
    np.testing.assert_array_equal(net.drawn, plain.drawn)
    assert int(net.random.draws) == int(plain.random.draws) == 1


def test_a_handle_of_a_captured_object_is_written():
    net = Net()
    _, gradient = by_capture(net)
    np.testing.assert_allclose(gradient["w"], [18.0, 64.0])
    assert net.w.tolist() == [1.0, 2.0]
    assert net.calls == 1


@pytest.mark.parametrize(
    "way",
    [
        lambda f, net: mp.value_and_grad(f)(net),
        lambda f, net: mp.vjp(f, net),
        lambda f, net: mp.value_and_grad(lambda s: f(_without_list(net)) * s)(1.0),
        lambda f, net: mp.trace(f, net),
        lambda f, net: mp.checkpoint(f)(net),
    ],
    ids=["value_and_grad", "vjp", "captured", "trace", "checkpoint"],
)
def test_nothing_is_written_where_the_function_raises(way):
    net = Net()
    before = dict(vars(net))

    def f(net):
        change_everything(net)
        raise KeyError("on purpose")

    with pytest.raises(KeyError):
        way(f, net)
    assert_untouched(net, before)


def test_nothing_is_written_where_the_loss_is_no_number():
    net = Net()
    before = dict(vars(net))
    with pytest.raises(GradientError, match="only a single number"):
        mp.grad(lambda net: mp.ones((2,)) * change_everything(net))(net)
    assert_untouched(net, before)


def _without_list(net):
    net.seen = []  # see the test of lists of captured objects, below
    return net


def test_lists_of_captured_objects_are_to_be_assigned_not_appended_to():
    """Nobody sees an append to a list of an object that is no argument: what was left there says so when it is used."""
    net = Net()
    mp.grad(lambda s: net(x) * s)(1.0)
    with pytest.raises(TraceError, match=r"test_transforms_state\.py"):
        net.seen[0] + 1


def change_everything(net):
    net.w[0] = 100.0
    net.new = mp.ones((3,))
    del net.notes
    net.notes = {}
    net.frozen = Parameter([7.0])
    return net(x)


def assert_untouched(net, before):
    assert vars(net).keys() == before.keys()
    assert all(vars(net)[name] is value for name, value in before.items() if isinstance(value, Array | int | Stateful))
    assert net.w.tolist() == [1.0, 2.0]
    assert (net.calls, net.seen, net.notes, int(net.random.draws)) == (0, [], {"last": None}, 0)


# ── handles ──────────────────────────────────────────────────────────────────────────────────────


def test_an_argument_may_be_assigned_to_in_place():
    a = mp.asarray([1.0, 2.0])

    def f(a):
        b = a * 1
        a[0] = a[1] * 3
        return mp.sum(a * b)

    assert mp.grad(f)(a).tolist() == [6.0, 7.0]
    assert a.tolist() == [6.0, 2.0]


def test_a_captured_array_may_be_assigned_to_in_place():
    a = mp.asarray([1.0, 2.0])
    b = a[:]

    def f(s):
        a[0] = s * 3
        return mp.sum(a * a), a

    gradient, extra = mp.grad(f, has_aux=True)(2.0)
    assert float(gradient) == 36.0
    assert a.tolist() == extra.tolist() == [6.0, 2.0]
    assert b.tolist() == [1.0, 2.0]


def test_a_pullback_belongs_to_the_values_at_which_it_was_taken():
    """Neither the caller nor the function's own write may move the point."""
    a = mp.asarray(2.0)
    _, pullback = mp.vjp(lambda a: a * a * a, a)
    a[()] = 100.0
    assert float(pullback(1.0)[0]) == 12.0

    def f(a):
        y = a * a * a
        a[()] = 50.0
        return y

    b = mp.asarray(2.0)
    _, pullback = mp.vjp(f, b)
    assert float(b) == 50.0
    assert float(pullback(1.0)[0]) == 12.0


def test_tied_leaves_get_one_gradient_and_stay_tied():
    class Tied(Stateful):
        def __init__(self):
            self.first = Parameter([3.0])
            self.second = self.first

    net = Tied()

    def f(net):
        net.second[0] = net.first[0] * 2
        return mp.sum(net.first * net.second)

    assert {name: g.tolist() for name, g in mp.grad(f)(net).items()} == {"first": [24.0]}
    assert net.first is net.second
    assert net.first.tolist() == [6.0]


def test_tying_inside_is_a_write():
    net = Net()

    def f(net):
        net.other = net.w
        return mp.sum(net.other)

    mp.grad(f)(net)
    assert net.other is net.w


def test_the_same_array_passed_twice_gets_separate_gradients():
    a = mp.asarray(3.0)
    assert [float(g) for g in mp.grad(lambda x, y: x * x * y, argnums=(0, 1))(a, a)] == [18.0, 9.0]


def test_a_captured_net_beside_its_argument_is_constant():
    net = Net()
    gradient = mp.grad(lambda argument: mp.sum(argument.w * net.w))(net)
    assert gradient["w"].tolist() == [1.0, 2.0]


# ── objects ──────────────────────────────────────────────────────────────────────────────────────


def test_an_object_made_inside_may_be_kept():
    net = Net()

    def f(net):
        child = Net()
        child.mean = net.w * 2
        net.child = child
        net.again = [child]
        return mp.sum(child.mean)

    mp.grad(f)(net)
    assert isinstance(net.child, Net)
    assert net.again[0] is net.child
    assert net.child.mean.tolist() == [2.0, 4.0]


def test_an_object_that_is_returned_is_the_callers():
    net, other = Net(), Net()
    _, (first, second) = mp.grad(lambda n: (mp.sum(n.w * other.w), (n, other)), has_aux=True)(net)
    assert first is net
    assert second is other


def test_a_module_from_outside_may_be_attached():
    net, other = Net(), Net()

    def f(net):
        net.child = other
        return mp.sum(net.w)

    mp.grad(f)(net)
    assert net.child is other


def test_an_attribute_may_be_deleted():
    given, captured = Net(), Net()
    mp.grad(lambda n: (delattr(n, "mean"), mp.sum(n.w))[1])(given)
    mp.grad(lambda n: (delattr(captured, "mean"), mp.sum(n.w))[1])(given)
    assert not hasattr(given, "mean")
    assert not hasattr(captured, "mean")


def test_frozen_parameters_and_buffers_have_no_gradient():
    net = Net()
    assert list(mp.grad(lambda net: net(x))(net)) == ["w"]
    net.w.trainable = False
    with pytest.raises(ValueError, match="unfreeze"):
        mp.grad(lambda net: net(x))(net)


def test_containers_of_nets_keep_their_structure():
    nets = [Net(), {"b": Net()}]
    gradient = mp.grad(lambda nets: mp.sum(nets[0].w * nets[1]["b"].w))(nets)
    assert [list(gradient[0]), list(gradient[1]["b"])] == [["w"], ["w"]]


def test_the_default_generator_advances_once():
    mp.seed(0)
    before = int(mp.random.default.draws)
    mp.grad(lambda s: mp.sum(mp.random.default.normal((3,))) * s)(1.0)
    assert int(mp.random.default.draws) == before + 1  # every method of a generator takes one draw
    mp.seed(0)
