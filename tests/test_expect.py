"""Shape annotations: what they check, what their names stand for, and how the errors read."""

import gc
import re
import weakref

import numpy as np
import pytest

import maplet as mp
from maplet import nn
from maplet.core.context import thread
from maplet.errors import DTypeError, SettingError, ShapeError

line = r"line \d+"


@pytest.mark.parametrize(
    ("shape", "annotation"),
    [
        ((), ""),
        ((2, 3), "batch channel"),
        ((2, 3), "2 3"),
        ((2, 2), "n n"),
        ((2, 3), "_ _"),
        ((2, 3), "..."),
        ((), "..."),
        ((2, 3, 4), "batch ..."),
        ((2, 3, 4), "... channel"),
        ((2, 3, 4), "batch ... 4"),
        ((2,), "batch ..."),
        ((0,), "empty"),
        ((2,), "größe"),
        ((2, 3), " batch\n channel "),
    ],
)
@pytest.mark.parametrize("make", [mp.ones, np.ones])
def test_what_fits_comes_back_itself(make, shape, annotation):
    x = make(shape)
    assert mp.expect(x, annotation) is x


@pytest.mark.parametrize(
    ("shape", "annotation", "message"),
    [
        ((1,), "", "the number of axes is 1, not 0"),
        ((2, 3), "batch", "the number of axes is 2, not 1"),
        ((2,), "a b ... c", "the number of axes is 1, not at least 3"),
        ((2, 3), "2 4", "axis 1: 4 is 3"),
        ((2, 3), "n n", "axis 1: n is 3, not 2"),
        ((2, 5, 3), "n ... n", "axis 2: n is 3, not 2"),
    ],
)
def test_what_does_not_fit_is_refused(shape, annotation, message):
    with pytest.raises(ShapeError) as caught:
        mp.expect(mp.ones(shape), annotation)
    assert message in str(caught.value)
    assert f'"{annotation}", given {shape}' in str(caught.value)
    assert "test_expect.py:" in str(caught.value)


no_annotations = [
    "batch*2",
    "... 2 ...",
    "-1",
    "2.5",
    "batch,time",
    "name=3",
    "²",
    "9" * 5000,
    3,
    None,
    ["b"],
    {"b": 1},
]


@pytest.mark.parametrize("annotation", no_annotations)
def test_what_is_no_annotation_is_refused(annotation):
    for _ in range(2):  # what was refused once is refused again
        with pytest.raises(SettingError, match="expect") as caught:
            mp.expect(mp.ones((2,)), annotation)
        assert "test_expect.py:" in caught.value.where
        assert len(str(caught.value)) < 500


@pytest.mark.parametrize("x", [[1.0], 1.0, None])
def test_what_is_no_array_is_refused(x):
    with pytest.raises(DTypeError, match=r"mp\.asarray"):
        mp.expect(x, "...")


# ── how long a name stands for a length ──────────────────────────────────────────────────────────


def test_within_one_call_a_name_has_one_length():
    def f(x, y):
        mp.expect(x, "batch time")
        return mp.expect(y, "time batch")

    f(mp.ones((2, 3)), mp.ones((3, 2)))
    f(mp.ones((5, 3)), mp.ones((3, 5)))  # another call, other lengths
    with pytest.raises(ShapeError) as caught:
        f(mp.ones((2, 3)), mp.ones((4, 2)))
    first = f.__code__.co_firstlineno + 1
    assert "axis 0: time is 4, not 3" in str(caught.value)
    assert f'time = 3, since line {first}: "batch time" was (2, 3)' in str(caught.value)
    assert f"test_expect.py:{first + 1}" in str(caught.value)


def test_what_failed_binds_nothing():
    with pytest.raises(ShapeError):
        mp.expect(mp.ones((2, 3)), "free 4")
    mp.expect(mp.ones((7,)), "free")


def test_a_loop_shares_its_names_and_recursion_does_not():
    def loop(lengths):
        for length in lengths:
            mp.expect(np.ones(length), "n")

    loop([3, 3])
    with pytest.raises(ShapeError, match="n is 4, not 3"):
        loop([3, 4])

    def down(n):
        mp.expect(np.ones(n), "n")
        if n:
            down(n - 1)
        mp.expect(np.ones(n), "n")  # the names of this call are still there after the inner ones
        with pytest.raises(ShapeError):
            mp.expect(np.ones(n + 1), "n")

    down(3)


class Shrink(nn.Module):
    def __init__(self, size):
        self.linear = nn.Linear(size, size - 1)

    def forward(self, x):
        mp.expect(x, "batch channel")
        y = self.linear(x)
        mp.expect(y, "batch smaller")
        return mp.expect(y[:, :1], "batch 1") * mp.expect(x[0], "channel")[0]


def test_each_layer_and_each_transform_has_names_of_its_own():
    net = nn.Sequential(Shrink(5), nn.Linear(1, 4), Shrink(4))
    x = mp.ones((3, 5))
    assert net(x).shape == (3, 1)
    mp.trace(net, x)
    mp.grad(lambda net: mp.sum(net(x)))(net)
    net(mp.ones((2, 5)))


def test_a_trace_is_checked_and_keeps_nothing_of_it():
    def f(x):
        return mp.expect(x, "batch channel") * 2.0

    assert mp.trace(f, mp.ones((2, 3))) == mp.trace(lambda x: x * 2.0, mp.ones((2, 3)))
    with pytest.raises(ShapeError):
        mp.trace(f, mp.ones((2,)))


def test_the_error_names_the_layer():
    class Picky(nn.Module):
        def forward(self, x):
            return mp.expect(x, "batch 2")

    with pytest.raises(ShapeError, match=r"layers\.1 · test_expect\.py:\d+"):
        nn.Sequential(nn.Linear(2, 3), Picky())(mp.ones((4, 2)))


def test_a_generator_is_never_accused_wrongly():
    def rows(length):
        for _ in range(2):
            yield mp.expect(np.ones(length), "n")

    for one, other in zip(rows(2), rows(3), strict=True):
        assert (len(one), len(other)) == (2, 3)


class Witness:
    """Something whose end can be seen."""


def test_no_local_variable_is_kept_alive_by_it():
    gone = []

    def f(x):
        witness = Witness()
        gone.append(weakref.ref(witness))
        mp.expect(x, "batch")
        return x

    def g(x):
        f(x)
        mp.expect(x, "batch")

    g(np.ones(2))
    gc.collect()
    assert gone[0]() is None  # the next check let go of it
    mp.trace(f, np.ones(2))
    gc.collect()
    assert gone[1]() is None  # as did the end of the trace
    assert not thread.expected

    class Layer(nn.Module):
        def forward(self, x):
            return f(x)

    Layer()(mp.ones((2,)))
    gc.collect()
    assert gone[2]() is None  # and the end of the layer
    assert not thread.expected


def test_many_calls_never_meet_each_others_names():
    # Frames of finished calls are used again by Python, at the same address.
    def f(n):
        mp.expect(np.ones(n), "n")

    for n in range(50):
        f(n)
    assert len(thread.expected) <= 1 + sum(entry[0].f_code is not f.__code__ for entry in thread.expected)


def test_the_words_of_the_fix_are_an_annotation():
    with pytest.raises(SettingError) as caught:
        mp.expect(mp.ones((2,)), "?")
    examples = re.findall(r'"([^"]+)"', caught.value.fix)
    assert len(examples) == 2
    for example in examples:
        mp.expect(np.ones((2, 3, 4)), example)
