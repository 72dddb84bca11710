"""Expressions that are typed: what the language has, and how it refuses everything else."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import maplet as mp
from maplet import nn
from maplet.errors import MapletError, SettingError
from maplet.explain.expressions import expression_of, setting

x, w, y = np.asarray([[1.0, 2.0], [3.0, 4.0]]), np.asarray([[0.5, -1.0], [2.0, 0.25]]), np.asarray([0, 1])
scope = {"x": x, "w": w, "y": y}

understood = {
    "x @ w + 1": lambda: mp.asarray(x) @ w + 1.0,
    "-x * 2 / w - x // w + x % w": lambda: -mp.asarray(x) * 2.0 / w - mp.asarray(x) // w + mp.asarray(x) % w,
    "sum(x ** 2, axis=1)": lambda: mp.sum(mp.asarray(x) ** 2, axis=1),
    "mp.mean(x ** 3.5)": lambda: mp.mean(mp.asarray(x) ** 3.5),
    "cross_entropy(x, y, label_smoothing=0.1)": lambda: nn.cross_entropy(x, y, label_smoothing=0.1),
    "nn.mse(x, w, reduction='sum')": lambda: nn.mse(x, w, reduction="sum"),
    "where(x > 2, x, w)": lambda: mp.where(x > 2, x, w),
    "x.T[0] + w[:, 1]": lambda: mp.asarray(x).T[0] + w[:, 1],
}


@pytest.mark.parametrize("text", understood)
def test_an_expression_is_what_python_would_make_of_it(text):
    names, f = expression_of(text)
    arrays = [mp.asarray(scope[name]) for name in names]
    np.testing.assert_array_equal(f(*arrays).numpy(), understood[text]().numpy())


refused = {
    "[1 for a in x]": ("a comprehension", 0),
    "x + (lambda: 1)()": ("only operations", 5),
    "__import__('os').system('ls')": ("only operations", 0),
    "x.__class__": ("an attribute", 0),
    "sum.__globals__": ("sum is an operation", 0),
    "exec('1')": ("no operation 'exec'", 0),
    "_getattr(x)": ("no operation '_getattr'", 0),
    "sigmod(x)": ("no operation 'sigmod'", 0),
    "x if x else w": ("if … else", 0),
    "x and w": ("and, or", 0),
    "1 < x < 2": ("a chain of comparisons", 0),
    "x & w": ("the bits of integers", 0),
    "'text' * x": ("a word, or a truth value", 0),
    "True + x": ("a word, or a truth value", 0),
    "sum(x, axis=w)": ("the setting axis", 12),
    "x[w]": ("a place in an array", 2),
    "x[True]": ("a place in an array", 2),
    "(y := x)": ("an assignment", 1),
    "sum(x, axis=0, axis=1)": ("axis is set twice", 15),
    "sum(*x)": ("a star", 4),
    "sum(x, **w)": ("the setting", 9),
    "x +": ("no expression", None),
    "": ("no expression", None),
    "x = 3": ("no expression", None),
    "f'{x}'": ("a text", 0),
}


@pytest.mark.parametrize("text", refused)
def test_what_is_not_in_the_language_is_named_and_pointed_at(text):
    what, column = refused[text]
    with pytest.raises(SettingError) as caught:
        expression_of(text)
    message, shown, mark = caught.value.message.split("\n")
    assert what in message
    assert shown.strip() == text
    assert column is None or mark == f"    {' ' * column}^"


def test_what_goes_wrong_in_computing_is_pointed_at_too():
    names, f = expression_of("exp(x) + x @ w")
    with pytest.raises(MapletError, match=r"matmul.*\n    exp\(x\) \+ x @ w\n             \^"):
        f(*[mp.asarray(scope[name])[:1] for name in names])
    _, f = expression_of("x * 2 ** 10 ** 10 ** 10")
    with pytest.raises(SettingError, match="out of range"):
        f(mp.asarray(1.0))
    _, f = expression_of("x / (1 / 0)")
    with pytest.raises(SettingError, match=r"division by zero\n.*\n {9}\^"):
        f(mp.asarray(1.0))


def test_an_expression_that_nobody_typed_is_refused():
    for text in ("(" * 5000, "x" + "+x" * 6000, "-" * 3000 + "x"):
        with pytest.raises(SettingError):
            expression_of(text)


@given(st.text(alphabet="xw12+-*/@()[].,= sumexp_'\"\\\n{}:", max_size=30))
@settings(deadline=None)
def test_any_text_is_read_or_refused(text):
    try:
        names, _ = expression_of(text)
    except SettingError:
        return
    assert all(name.isidentifier() for name in names)


def test_settings():
    name, value = setting("labels:int=[0, 1]")
    assert (name, value.dtype, value.tolist()) == ("labels", np.dtype(np.int64), [0, 1])
    assert setting("x = 1e-3")[1] == 1e-3
    for wrong in ("x", "x=", "x=[[1, 2], [3]]", "1x=2", "x:float32=1", "x=__import__('os')", "x='a'", "y:int=[1.5j]"):
        with pytest.raises(SettingError, match=r"expected NAME|no array"):
            setting(wrong)
