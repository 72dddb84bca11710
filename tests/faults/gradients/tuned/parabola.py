"""Descent on a parabola: one number, no arrays."""


def f(x):
    return x**2 - 2 * x + 1


def df(x):
    return 2 * x - 2


def subject(rng):
    return f, df, (rng.normal(),)


FAULTS = (
    [("return 2 * x - 2", "return -(2 * x - 2)", "sign")],
    [("return 2 * x - 2", "return x - 1", "factor")],
    [("return 2 * x - 2", "return 2 * x + 2", "sign")],
)
