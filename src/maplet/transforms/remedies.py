"""What is likely wrong where an operation makes a NaN or an infinity, and what to write instead."""

# The tables below hold short lambdas, all of one signature, of which each uses what it needs.
# ruff: noqa: ARG005
# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.core.types import kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from maplet.core.context import Derivation

Case = tuple["Callable[..., Any]", str]  # of the numbers that made it: when it applies, and what to do

safe_division = "mp.where(y == 0, 0.0, x / mp.where(y == 0, 1.0, y)), safe inside and outside of the where"
safe_log = (
    "mp.log(mp.maximum(x, 1e-12)); probabilities are best kept as logits: mp.log_softmax(logits), nn.cross_entropy"
)
too_steep = (
    "e^x is beyond the range of its dtype (f32: x > 88.7): subtract the greatest first, as mp.softmax, mp.logsumexp "
    "and mp.log_softmax do; or hold x back by mp.clip"
)
unsafe_branch = (
    "0·∞ is NaN: if a where chose the 0, the other branch must be safe too: mp.where(ok, f(mp.where(ok, x, 1.0)), 0.0)"
)
of_logarithm: list[Case] = [
    (lambda x: x == 0, f"the logarithm of 0 is −∞: {safe_log}"),
    (lambda x: x < 0, "a negative number has no logarithm: is it a difference that should be an absolute value?"),
]
of_exponential: list[Case] = [(lambda x: abs(x) > 10, too_steep)]
of_root: list[Case] = [
    (lambda x: x == 0, "1/√0 is infinite: mp.rsqrt(x + 1e-12)"),
    (lambda x: x < 0, "a negative number has no real √; if it is a rounding error: mp.sqrt(mp.maximum(x, 0.0))"),
]
within_one: list[Case] = [
    (lambda x: abs(x) >= 1, "it is defined between −1 and 1: mp.clip(x, -1 + 1e-6, 1 - 1e-6)"),
]
of_division: list[Case] = [
    (lambda x, y: x == 0 and y == 0, f"0/0: {safe_division}"),
    (lambda x, y: y == 0, f"division by 0: {safe_division}"),
    (lambda x, y: np.isinf(x) and np.isinf(y), "∞/∞ is NaN: look where the infinities come from"),
]
of_sum: list[Case] = [
    (
        lambda x, y: np.isinf(x) and np.isinf(y),
        "∞ − ∞ is NaN: in a mask write -1e9 instead of −∞, or choose by mp.where",
    )
]
of_product: list[Case] = [(lambda x, y: np.isinf(x) or np.isinf(y), unsafe_branch)]
of_power: list[Case] = [
    (lambda x, y: x == 0, "0 to a negative power is infinite: mp.pow(x + 1e-12, p)"),
    (
        lambda x, y: x < 0 and y != np.round(y),
        "a negative number to a fractional power is not real: mp.pow(mp.abs(x), p)",
    ),
]
cases: dict[str, list[Case]] = {
    "log": of_logarithm, "log2": of_logarithm, "log10": of_logarithm,
    "log1p": [(lambda x: x <= -1, "ln(1 + x) is defined for x > −1: mp.log1p(mp.maximum(x, -1 + 1e-6))")],
    "exp": of_exponential, "expm1": of_exponential, "sinh": of_exponential, "cosh": of_exponential,
    "sqrt": of_root, "rsqrt": of_root,
    "reciprocal": [(lambda x: x == 0, f"1/0: {safe_division}")],
    "asin": within_one, "acos": within_one, "atanh": within_one,
    "acosh": [(lambda x: x < 1, "it is defined for x ≥ 1: mp.maximum(x, 1.0)")],
    "sin": [(np.isinf, "an infinite angle has no sine")], "cos": [(np.isinf, "an infinite angle has no cosine")],
    "tan": [(np.isinf, "an infinite angle has no tangent")],
    "astype": [(np.isfinite, "the number is beyond the range of the new dtype: keep the wider one, or scale it")],
    "divide": of_division, "remainder": of_division, "floor_divide": of_division,
    "add": of_sum, "subtract": of_sum, "multiply": of_product, "power": of_power,
}  # fmt: skip
# The derivative of a function where it is infinite, which shows as a division by 0 in its pullback or its tangent.
of_derivative = {
    "sqrt": "the derivative of √x at 0 is infinite: mp.sqrt(x + 1e-12), or √ of mp.where(x > 0, x, 1.0)",
    "rsqrt": "the derivative of 1/√x at 0 is infinite: mp.rsqrt(x + 1e-12)",
    "log": f"the derivative of ln x at 0 is infinite: {safe_log}",
    "log2": f"the derivative of the logarithm at 0 is infinite: {safe_log}",
    "log10": f"the derivative of the logarithm at 0 is infinite: {safe_log}",
    "log1p": "the derivative of ln(1 + x) at −1 is infinite: mp.log1p(mp.maximum(x, -1 + 1e-6))",
    "power": "the derivative of x^p at 0 is infinite for p < 1: mp.pow(x + 1e-12, p)",
    "divide": f"the divisor is 0 or nearly so: {safe_division}",
    "reciprocal": f"the divisor is 0 or nearly so: {safe_division}",
    "asin": "the derivative at ±1 is infinite: mp.clip(x, -1 + 1e-6, 1 - 1e-6)",
    "acos": "the derivative at ±1 is infinite: mp.clip(x, -1 + 1e-6, 1 - 1e-6)",
    "atanh": "the derivative at ±1 is infinite: mp.clip(x, -1 + 1e-6, 1 - 1e-6)",
    "acosh": "the derivative at 1 is infinite: mp.maximum(x, 1 + 1e-6)",
    "eigh": "eigenvectors have no derivative where eigenvalues coincide; mp.linalg.eigvalsh has one",
    "svd": "singular vectors have no derivative where singular values coincide or are 0; mp.linalg.svdvals has one",
}
of_matrices = {
    "cholesky": "a matrix is not positive definite: add a little of the identity, x + 1e-6 * mp.eye(n)",
    "solve": "a matrix is singular: look for rows that depend on each other, or take mp.linalg.pinv(a) @ b",
}
no_gradient = (
    " (what comes in is 0, as behind an mp.where that took the other branch; 0·∞ is NaN, so make the operand itself "
    "safe, inside the branch too)"
)
no_tangent = " (the tangent that comes in is 0, and 0·∞ is NaN)"
too_large = (
    "the numbers grow beyond the range of their dtype: standardise the inputs, lower the learning rate, clip the "
    "gradient (clip_norm=1.0), or compute in float64"
)


def remedy(
    name: str, derivations: Sequence[Derivation], numbers: Sequence[Any], inputs: Sequence[Any], bad: Any
) -> str | None:
    """What to do about it.

    Parameters
    ----------
    name
        The operation that made the bad number.
    derivations
        Of which operation this was the pullback or the tangent, and behind that the one that the user wrote, which is
        the one to mend; empty in the forward pass.
    numbers
        The input elements that made it, where the operation works element by element.
    inputs
        The whole inputs.
    bad
        The number that was made.
    """
    if derivations and (found := _of_derivative(derivations[-1], name, numbers)):
        return found
    for applies, text in cases.get(name, ()) if numbers else ():
        if applies(*numbers):
            return text
    infinite = any(kind_of(x.dtype) == "f" and np.isinf(x).any() for x in inputs)
    if not np.isnan(bad):
        return None if infinite else too_large
    if infinite:
        return "the inputs hold infinities, and ∞ − ∞ and 0·∞ are NaN: look where those come from"
    return of_matrices.get(name)


def _of_derivative(written: Derivation, name: str, numbers: Sequence[Any]) -> str | None:
    """The remedy where the derivative of what the user wrote is infinite."""
    if written.operation not in of_derivative or len(numbers) != 2:
        return None
    x, y = numbers
    divided = name == "divide" and (y == 0 or abs(y) < 1e-6)
    multiplied = name == "multiply" and (np.isinf(x) or np.isinf(y))
    if not divided and not multiplied:
        return None
    vanishing = x == 0 or (multiplied and y == 0)
    nothing = no_gradient if written.kind == "pullback" else no_tangent
    return of_derivative[written.operation] + (nothing if vanishing else "")
