"""Bad input to control flow: each error says what to write instead, and where."""

# Most cases are lambdas that do not look at what they are given.
# ruff: noqa: ARG005, PLW0108

import re
from typing import NamedTuple

import numpy as np
import pytest

import maplet as mp
from maplet import nn
from maplet.errors import (
    DTypeError,
    GradientError,
    GraphError,
    MapletError,
    SettingError,
    ShapeError,
    TraceError,
)

xs = mp.ones((4, 2))
flag, number = mp.asarray(True), mp.asarray(3)
h = mp.zeros((2,))


class Pair(NamedTuple):
    """A carry with names."""

    first: mp.Array
    second: mp.Array


def scan_with(step, start=h, **options):
    return lambda: mp.scan(step, start, xs, **options)


def if_in_a_body(h, x):
    if mp.sum(x) > 0:
        return h, x
    return h, -x


def while_in_a_body(h, x):
    while mp.sum(h) < 9:
        h = h + x
    return h, x


def for_in_a_body(n):
    total = 0
    for i in range(n):
        total = total + i
    return total


kept = []


def keep(h, x):
    kept.append(h)
    return h, x


def used_after():
    mp.scan(keep, h, xs)
    return kept.pop() + 1


def root(f, start=1.0, **options):
    return lambda: mp.custom_root(f, start, **options)


def custom(f, *args):
    return lambda: mp.custom_gradient(f)(*args)


weight = mp.ones((2,))
net = nn.Linear(2, 2)

# what is called, the error, what it says, what it says to do
wrong = {
    # scan
    "carry-dtype": (scan_with(lambda h, x: (h.astype(mp.float64), x)), TraceError,
                    r"carry .* was f32\[2\] and became f64\[2\]", r"\.astype"),
    "carry-of-integers": (scan_with(lambda n, x: (n + x[0], x), mp.asarray(0)), TraceError,
                          r"was i64\[\] and became f32\[\]", r"\.astype"),
    "carry-shape": (scan_with(lambda h, x: (mp.sum(h), x)), TraceError,
                    r"was f32\[2\] and became f32\[\]", "broadcast_to"),
    "carry-part": (scan_with(lambda s, x: ({"a": s["a"], "b": x}, x), {"a": h, "b": 0.0}), TraceError,
                   r"b was f32\[\] and became f32\[2\]", "keep structure"),
    "carry-lacks": (scan_with(lambda s, x: ({"a": s["a"]}, x), {"a": h, "b": h}), TraceError, r"missing: b f32\[2\]",
                    "keep structure"),
    "carry-too-much": (scan_with(lambda s, x: ((s, s), x)), TraceError, r"unexpected: 0", "keep structure"),
    "carry-none": (scan_with(lambda s, x: (None, x)), TraceError, r"missing", "keep structure"),
    "carry-kind": (scan_with(lambda s, x: ((s.first, s.second), x), Pair(h, h)), TraceError,
                   "was a Pair and became a tuple", "named tuple"),
    "carry-list": (scan_with(lambda s, x: ({"a": tuple(s["a"])}, x), {"a": [h, h]}), TraceError,
                   "a was a list and became a tuple", "stays a list"),
    "carry-static": (scan_with(lambda s, x: ({**s, "mode": "b"}, x), {"h": h, "mode": "a"}), TraceError, "'mode'",
                     "only arrays change"),
    "no-pair": (scan_with(lambda h, x: h), TraceError, r"returned Array, expected a pair", r"return carry, y"),
    "list": (scan_with(lambda h, x: [h, x]), TraceError, r"returned list, expected a pair", r"return carry, y"),
    "three": (scan_with(lambda h, x: (h, x, x)), TraceError, r"expected a pair", r"return carry, y"),
    "y-an-object": (scan_with(lambda h, x: (h, net)), TraceError, r"returns a Linear as y", "its arrays"),
    "lengths": (lambda: mp.scan(lambda h, x: (h, x), h, {"a": mp.ones((3,)), "b": xs}), ShapeError,
                r"differ: a 3, b 4", "same first axis"),
    "length-and-xs": (scan_with(lambda h, x: (h, x), length=5), ShapeError, r"differ: xs 4, length 5", ""),
    "length-missing": (lambda: mp.scan(lambda h, _: (h, h), h), ShapeError, "length=", r"length=10"),
    "length-negative": (lambda: mp.scan(lambda h, _: (h, h), h, length=-1), SettingError, "length=-1", "≥ 0"),
    "length-bool": (lambda: mp.scan(lambda h, _: (h, h), h, length=True), SettingError, "length=True", "integer"),
    "length-float": (lambda: mp.scan(lambda h, _: (h, h), h, length=3.0), SettingError, r"length=3\.0", "integer"),
    "length-array": (lambda: mp.scan(lambda h, _: (h, h), h, length=number), SettingError, r"length=", "integer"),
    "xs-scalar": (lambda: mp.scan(lambda h, x: (h, x), h, 3.0), ShapeError, "xs is a single number", "length="),
    "xs-scalar-in-tree": (lambda: mp.scan(lambda h, x: (h, x), h, {"a": xs, "b": 1.0}), ShapeError,
                          r"xs\.b is a single", "used in the body"),
    "xs-list": (lambda: mp.scan(lambda h, x: (h, x), h, [1.0, 2.0]), ShapeError,
                r"xs\.0 is a single", r"mp\.asarray\(xs\)"),
    "reverse": (scan_with(lambda h, x: (h, x), reverse=number), SettingError, r"reverse=", "True or False"),
    "no-function": (lambda: mp.scan(h, h, xs), TraceError, "given Array", ""),
    "map-scalar": (lambda: mp.map(mp.sin, 3.0), ShapeError, "single number", ""),
    "map-nothing": (lambda: mp.map(mp.sin, None), ShapeError, "map: there are no arrays", ""),
    "map-object": (lambda: mp.map(lambda x: net, xs), TraceError, "returns a Linear", ""),
    "python-if": (scan_with(if_in_a_body), TraceError, "traced array", r"mp\.cond|mp\.where"),
    "python-while": (scan_with(while_in_a_body), TraceError, "traced array", r"mp\.while_loop"),
    "python-range": (lambda: mp.cond(flag, for_in_a_body, lambda n: n, number), TraceError, "traced array",
                     r"mp\.fori_loop"),
    "python-float": (scan_with(lambda h, x: (h * float(x[0]), x)), TraceError, "traced array", ""),
    "numpy": (scan_with(lambda h, x: (np.sin(h), x)), TraceError, "traced array", r"mp\.sin"),
    "used-after": (used_after, TraceError, "after its trace|another thread", "return the array"),
    # while_loop, fori_loop
    "condition-array": (lambda: mp.while_loop(lambda x: x < 3, lambda x: x, h), TraceError, r"gives bool\[2\]",
                        r"\.any\(\)"),
    "condition-number": (lambda: mp.while_loop(lambda x: x, lambda x: x, 1.0), TraceError, r"gives f32\[\]", "compare"),
    "condition-python": (lambda: mp.while_loop(lambda x: None, lambda x: x, 1.0), TraceError, "truth value", "compare"),
    "while-dtype": (lambda: mp.while_loop(lambda n: n < 3, lambda n: n + 1.0, number), TraceError,
                    r"was i64\[\] and became f32\[\]", r"\.astype"),
    "while-structure": (lambda: mp.while_loop(lambda s: s[0] < 3, lambda s: s[0], (0, 1)), TraceError, "missing", ""),
    "bound": (lambda: mp.while_loop(lambda x: x < 3, lambda x: x + 1, 0, bound=-1), SettingError, "bound=-1", "≥ 0"),
    "bound-bool": (lambda: mp.while_loop(lambda x: x < 3, lambda x: x + 1, 0, bound=True), SettingError,
                   "bound=True", ""),
    "no-bound": (lambda: mp.grad(lambda x: mp.while_loop(lambda x: x < 9, lambda x: x * 2, x))(1.0), GradientError,
                 "how many steps", "bound="),
    "no-bound-fori": (lambda: mp.grad(lambda x: mp.fori_loop(0, number, lambda i, x: x * 2, x))(1.0), GradientError,
                      "how many steps", "bound="),
    "fori-float": (lambda: mp.fori_loop(0, 3.0, lambda i, x: x, 0), DTypeError, r"upper is f32\[\]", "int64"),
    "fori-array": (lambda: mp.fori_loop(0, mp.arange(3), lambda i, x: x, 0), ShapeError, r"upper has shape \(3,\)", ""),
    "fori-bool": (lambda: mp.fori_loop(0, True, lambda i, x: x, 0), DTypeError, "upper", ""),
    "fori-bound": (lambda: mp.fori_loop(0, 9, lambda i, x: x, 0, bound=-1), SettingError, "bound=-1", "≥ 0"),
    "fori-no-function": (lambda: mp.fori_loop(0, 9, h, 0), TraceError, "fori_loop takes a function", ""),
    "while-no-function": (lambda: mp.while_loop(True, lambda x: x, 0), TraceError, "takes a function, given bool", ""),
    "branch-no-function": (lambda: mp.cond(flag, h, h), TraceError,
                           "branch 0 of cond takes a function", r"without \(\)"),
    "map-no-function": (lambda: mp.map(h, xs), TraceError, "map takes a function", ""),
    "fori-carry": (lambda: mp.fori_loop(0, 3, lambda i, x: x + 0.5, number), TraceError, r"fori_loop.*was i64\[\]", ""),
    "fori-carry-by-data": (lambda: mp.fori_loop(0, number, lambda i, x: x + 0.5, number), TraceError,
                           r"fori_loop.*was i64\[\]", ""),
    # cond, switch
    "predicate-number": (lambda: mp.cond(number, mp.sin, mp.cos, 0.0), DTypeError, r"given i64\[\]", "x > 0"),
    "predicate-shape": (lambda: mp.cond(xs > 0, mp.sin, mp.cos, 0.0), ShapeError, r"shape \(4, 2\)", r"mp\.where"),
    "branch-dtype": (lambda: mp.cond(flag, lambda x: x, lambda x: 1, h), TraceError,
                     r"f32\[2\] in branch 0 and i64\[\] in branch 1", r"\.astype"),
    "branch-structure": (lambda: mp.cond(flag, lambda x: {"a": x, "b": x}, lambda x: {"a": x}, h), TraceError,
                         r"b is f32\[2\] in branch 0 and missing in branch 1", "same structure"),
    "branch-static": (lambda: mp.cond(flag, lambda: (h, "a"), lambda: (h, "b")), TraceError, "'a' in branch 0", ""),
    "branch-kind": (lambda: mp.cond(flag, lambda: (h, h), lambda: [h, h]), TraceError, "tuple.*list", ""),
    "branch-none": (lambda: mp.cond(flag, lambda: h, lambda: None), TraceError, "None in branch 1", ""),
    "branch-object": (lambda: mp.cond(flag, lambda: net, lambda: net), TraceError,
                      "returns a Linear from outside", "return its arrays"),
    "no-branches": (lambda: mp.switch(0, []), SettingError, "no branches", "at least one"),
    "index-float": (lambda: mp.switch(0.5, [mp.sin], 0.0), DTypeError, r"given f32\[\]", "int64"),
    "index-shape": (lambda: mp.switch(mp.arange(2), [mp.sin], 0.0), ShapeError, r"shape \(2,\)", "vmap"),
    "index-bool": (lambda: mp.switch(flag, [mp.sin, mp.cos], 0.0), DTypeError, r"given bool\[\]", ""),
    "branch-arguments": (lambda: mp.cond(flag, lambda x: x, lambda: h, h), TypeError, "argument", ""),
    # custom_gradient
    "custom-no-pair": (custom(lambda x: x, 1.0), GradientError, "expected a pair", "return y, lambda g"),
    "custom-no-function": (custom(lambda x: (x, x), 1.0), GradientError, "expected a pair", "return y, lambda g"),
    "custom-count": (custom(lambda x, y: (x, lambda g: g), 1.0, 2.0), GradientError,
                     r"returns 1 gradient, and .* 2 arguments by position",
                     "one for each"),
    "custom-too-many": (custom(lambda x: (x, lambda g: (g, g)), 1.0), GradientError,
                        r"returns 2 gradients, and .* 1 argument by position", "left out"),
    "custom-shape": (custom(lambda x: (x, mp.sum), h), GradientError,
                     r"is f32\[\], and the argument is f32\[2\]", "sum"),
    "custom-dtype": (custom(lambda x: (x, lambda g: g.astype(mp.float64)), h), GradientError,
                     r"is f64\[2\]", "convert"),
    "custom-number": (custom(lambda x: (x, lambda g: 1), h), GradientError, r"is i64\[\]", ""),
    "custom-module": (custom(lambda n, x: (n(x), lambda g: ({"wait": g}, g)), net, xs), GradientError, "wait",
                      "dict of parameter names"),
    "custom-lacks": (custom(lambda n, x: (n(x), lambda g: ({"weight": n.weight}, g)), net, xs), GradientError,
                     r"lacks bias", "None"),
    "custom-integers": (custom(lambda x: (mp.asarray(1), lambda g: g), 1.0), GradientError, "no floating array", ""),
    "custom-object": (custom(lambda n: (n, lambda g: None), net), GradientError, "an object", "return arrays"),
    "custom-captured": (lambda: mp.grad(lambda w: mp.custom_gradient(lambda x: (x * w, lambda g: g * w))(2.0))(1.0),
                        GradientError, "reads from outside", "as an argument"),
    "custom-captured-module": (
        lambda: mp.grad(lambda net: mp.sum(mp.custom_gradient(lambda x: (net(x), lambda g: g))(xs)))(net),
        GradientError, r"net\.weight.*reads from outside", "stop_gradient"),
    "custom-no-function-at-all": (lambda: mp.custom_gradient(h), TraceError, "custom_gradient takes a function", ""),
    # custom_root
    "root-integers": (root(lambda x: x * x - 2, 1), GradientError, "int64", r"1\.0"),
    "root-mixed": (root(lambda x: x, (1.0, mp.asarray(1.0, dtype=mp.float64))), GradientError,
                   "float32 and float64", ""),
    "root-object": (root(lambda n: n, net), GradientError, "an object", ""),
    "root-nothing": (root(lambda n: n, None), GradientError, "no array", ""),
    "root-shape": (root(lambda x: mp.sum(x), mp.ones((2,))), TraceError, "another tree than start", "one equation"),
    "root-solver": (root(lambda x: x * x - 2, solve=lambda f, x: (x, x)), TraceError, "solve returns another", ""),
    # checkpoint
    "checkpoint-no-function": (lambda: mp.checkpoint(h)(h), TraceError,
                               "checkpoint takes a function", ""),
}  # fmt: skip


@pytest.mark.parametrize("what", wrong)
def test_an_error_says_what_to_write_instead_and_where(what):
    call, kind, message, fix = wrong[what]
    with pytest.raises(kind) as caught:
        call()
    error = caught.value
    assert re.search(message, str(error), re.DOTALL), str(error)
    if isinstance(error, MapletError):
        assert not isinstance(error, GraphError), "an error of the graph is no answer to a user"
        assert re.search(fix, error.fix or ""), str(error)
        assert "test_control_errors.py" in str(error), str(error)


def test_an_error_in_a_step_says_in_which():
    with pytest.raises(MapletError) as caught:
        mp.scan(lambda h, i: (h, mp.take(xs, i[None], axis=0)), None, mp.asarray([0, 1, 9]))
    assert "in step 2 of 3 of a scan" in str(caught.value)
    assert "test_control_errors.py" in caught.value.where
    with pytest.raises(MapletError) as caught:
        mp.while_loop(lambda i: i < 99, lambda i: i + 1 + 0 * mp.sum(mp.take(mp.arange(3), i[None], axis=0)), 0)
    assert "in step 3 of a while_loop" in str(caught.value)


def test_a_trace_is_over_after_an_error():
    """The next thing that is computed is computed, and not recorded."""
    for call, kind, *_ in wrong.values():
        with pytest.raises(kind):
            call()
    assert float(mp.sin(0.0)) == 0.0
    assert mp.scan(lambda h, x: (h + x, None), h, xs)[0].tolist() == [4.0, 4.0]
