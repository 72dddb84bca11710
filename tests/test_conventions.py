"""Derivatives where the textbooks leave a choice: as the operation's record says, in both modes."""

import numpy as np
import pytest

import maplet as mp
from maplet.core.primitive import registry

inf, nan = np.inf, np.nan


def with_infinite_weight(*x):
    weights = mp.asarray([inf, 1.0], dtype=mp.float64).reshape((2, 1, 1))
    return mp.sum(mp.conv(mp.stack(x).reshape((1, -1, 1)), weights))


def matrix(x):
    return mp.reshape(mp.stack(x), (2, 2))


# Primitive → (function, point, partial derivatives there). What is said by `convention` is tried here.
choices = {
    "abs": [(mp.abs, [0.0], [0.0])],
    "sign": [(mp.sign, [0.0], [0.0])],
    "sqrt": [(mp.sqrt, [0.0], [inf])],
    "erfinv": [(mp.erfinv, [1.0], [inf]), (mp.erfinv, [-1.0], [inf])],
    "lgamma": [(mp.lgamma, [0.0], [-inf]), (mp.lgamma, [-0.0], [inf]), (mp.lgamma, [-1.0], [nan])],
    "digamma": [(mp.digamma, [0.0], [inf]), (mp.digamma, [-0.0], [inf]), (mp.digamma, [-2.0], [inf])],
    "polygamma": [
        (mp.trigamma, [0.0], [-inf]),
        (mp.trigamma, [-0.0], [inf]),
        (mp.trigamma, [-1.0], [nan]),
        (lambda x: mp.polygamma(2, x), [-1.0], [inf]),
    ],
    "floor": [(mp.floor, [1.0], [0.0])],
    "ceil": [(mp.ceil, [1.0], [0.0])],
    "trunc": [(mp.trunc, [1.0], [0.0])],
    "round": [(mp.round, [0.5], [0.0])],
    "maximum": [(mp.maximum, [1.0, 1.0], [0.5, 0.5]), (mp.maximum, [2.0, 1.0], [1.0, 0.0])],
    "minimum": [(mp.minimum, [1.0, 1.0], [0.5, 0.5]), (mp.minimum, [2.0, 1.0], [0.0, 1.0])],
    "max": [(lambda *x: mp.max(mp.stack(x)), [2.0, 2.0, 1.0], [0.5, 0.5, 0.0])],
    "min": [(lambda *x: mp.min(mp.stack(x)), [1.0, 1.0, 1.0], [1 / 3, 1 / 3, 1 / 3])],
    "sort": [(lambda *x: mp.sort(mp.stack(x))[0], [2.0, 2.0, 3.0], [1.0, 0.0, 0.0])],
    "cumulative_max": [(lambda *x: mp.cumulative_max(mp.stack(x))[2], [2.0, 2.0, 1.0], [0.0, 1.0, 0.0])],
    "power": [
        (mp.pow, [0.0, 0.0], [0.0, 0.0]),
        (mp.pow, [0.0, 2.0], [0.0, 0.0]),
        (mp.pow, [0.0, 1.0], [1.0, 0.0]),
        (mp.pow, [0.0, 0.5], [inf, 0.0]),
        (mp.pow, [-2.0, 2.0], [-4.0, nan]),
        (mp.pow, [-2.0, 0.0], [0.0, nan]),
    ],
    "hypot": [(mp.hypot, [0.0, 0.0], [0.0, 0.0])],
    "logaddexp": [(mp.logaddexp, [-inf, -inf], [0.0, 0.0]), (mp.logaddexp, [-inf, 1.0], [0.0, 1.0])],
    "copysign": [(mp.copysign, [0.0, 1.0], [0.0, 0.0]), (mp.copysign, [2.0, -1.0], [-1.0, 0.0])],
    "nextafter": [(mp.nextafter, [1.0, 2.0], [1.0, 0.0])],
    "floor_divide": [(mp.floor_divide, [4.0, 2.0], [0.0, 0.0])],
    "remainder": [(mp.remainder, [4.0, 2.0], [1.0, -2.0])],
    "conv": [(with_infinite_weight, [1.0, 1.0], [inf, nan])],
    "det": [(lambda *x: mp.linalg.det(matrix(x)), [1.0, 2.0, 2.0, 4.0], [4.0, -2.0, -2.0, 1.0])],
    "slogdet": [(lambda *x: mp.linalg.slogdet(matrix(x)).sign, [1.0, 2.0, 3.0, 4.0], [0.0, 0.0, 0.0, 0.0])],
    "cholesky": [(lambda *x: mp.linalg.cholesky(matrix(x))[1, 0], [4.0, 9.0, 2.0, 5.0], [-1 / 8, 0.0, 1 / 2, 0.0])],
    "eigh": [(lambda *x: mp.linalg.eigvalsh(matrix(x))[0], [1.0, 9.0, 0.0, 3.0], [1.0, 0.0, 0.0, 0.0])],
    "stop_gradient": [(mp.stop_gradient, [3.0], [0.0])],
    "astype": [(lambda x: mp.astype(x, mp.float32).astype(mp.float64), [3.0], [1.0])],
    "where": [(lambda x: mp.where(x > 0, mp.sqrt(x), 0.0), [0.0], [0.0])],
    "switch": [(lambda x: mp.switch(x.astype(mp.int64), [mp.sin, lambda x: x * x], x), [7.0], [14.0])],
    "while_loop": [(lambda x: mp.while_loop(lambda x: x < 9, lambda x: x * x, x, bound=9), [3.0], [6.0])],
    # Compositions that say theirs in their documentation.
    "relu": [(mp.relu, [0.0], [0.0])],
    "leaky_relu": [(mp.leaky_relu, [0.0], [0.01])],
    "relu6": [(mp.relu6, [0.0], [0.0]), (mp.relu6, [6.0], [0.0])],
    "hardtanh": [(mp.hardtanh, [-1.0], [0.0]), (mp.hardtanh, [1.0], [0.0])],
    "hardsigmoid": [(mp.hardsigmoid, [-3.0], [0.0]), (mp.hardsigmoid, [3.0], [0.0])],
    "softshrink": [(mp.softshrink, [-0.5], [0.0]), (mp.softshrink, [0.5], [0.0])],
    "hardshrink": [(mp.hardshrink, [-0.5], [0.0]), (mp.hardshrink, [0.5], [0.0])],
    "threshold": [(lambda x: mp.threshold(x, 1.0, 7.0), [1.0], [0.0])],
    "quantile": [(lambda p: mp.nn.quantile(p, 1.0, level=0.75), [1.0], [-0.75])],
    "clip": [(lambda x: mp.clip(x, 0.0, 1.0), [0.0], [1.0]), (lambda x: mp.clip(x, 0.0, 1.0), [1.0], [1.0])],
    "norm": [(lambda *x: mp.norm(mp.stack(x)), [0.0, 0.0], [0.0, 0.0])],
    "std": [(lambda *x: mp.std(mp.stack(x)), [1.0, 1.0], [nan, nan])],  # ∞ · 0: said to be infinite, as √ at 0
}
# Conventions about values and not about derivatives.
about_values = {
    "argmax", "argmin", "take", "add_at", "take_along_axis", "add_along_axis", "put", "solve", "random_bits",
    "argsort", "top", "call", "custom_gradient", "portable_log", "portable_exp", "normal_quantile", "cofactor",
    "pinv", "qr", "svd",  # test_linalg.py
}  # fmt: skip
cases = [pytest.param(*case, id=f"{name}{case[1]}") for name, several in choices.items() for case in several]


def test_every_convention_is_tried():
    said = {p.name for p in registry.values() if p.convention}
    assert said <= choices.keys() | about_values


@pytest.mark.parametrize(("f", "point", "expected"), cases)
def test_reverse_mode_keeps_the_convention(f, point, expected):
    x = [mp.asarray(number, dtype=mp.float64) for number in point]
    found = mp.grad(f, argnums=range(len(x)))(*x)
    np.testing.assert_allclose([float(g) for g in found], expected, rtol=1e-12)


@pytest.mark.parametrize(("f", "point", "expected"), cases)
def test_forward_mode_keeps_the_convention(f, point, expected):
    x = [mp.asarray(number, dtype=mp.float64) for number in point]
    for n, derivative in enumerate(expected):
        tangents = [mp.ones_like(a) if k == n else None for k, a in enumerate(x)]
        _, found = mp.jvp(f, x, tangents)
        np.testing.assert_allclose(float(found), derivative, rtol=1e-12)
