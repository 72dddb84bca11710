"""What is likely wrong where an operation makes a NaN or an infinity, and what to write instead."""

# The tables below hold short lambdas, all of one signature, of which each uses what it needs.
# ruff: noqa: ARG005
# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.bilingual import Bilingual
from maplet.core.types import kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from maplet.core.context import Derivation

Case = tuple["Callable[..., Any]", Bilingual]  # of the numbers that made it: when it applies, and what to do

safe_division = Bilingual(
    "mp.where(y == 0, 0.0, x / mp.where(y == 0, 1.0, y)), safe inside and outside of the where",
    "mp.where(y == 0, 0.0, x / mp.where(y == 0, 1.0, y))，where 的里外都安全",
)
safe_log = Bilingual(
    "mp.log(mp.maximum(x, 1e-12)); probabilities are best kept as logits: mp.log_softmax(logits), nn.cross_entropy",
    "mp.log(mp.maximum(x, 1e-12))；概率最好保留为 logits：mp.log_softmax(logits)、nn.cross_entropy",
)
too_steep = Bilingual(
    (
        "e^x is beyond the range of its dtype (f32: x > 88.7): subtract the greatest first, as mp.softmax, "
        "mp.logsumexp and mp.log_softmax do; or hold x back by mp.clip"
    ),
    (
        "e^x 超出其数据类型的范围（f32：x > 88.7）：先减去最大值，如 mp.softmax、mp.logsumexp 和 mp.log_softmax 那样；"
        "或者用 mp.clip 限制 x"
    ),
)
unsafe_branch = Bilingual(
    "0·∞ is NaN: if a where chose the 0, the other branch must be safe too: mp.where(ok, f(mp.where(ok, x, 1.0)), 0.0)",
    "0·∞ 是 NaN：如果 where 选了 0，另一分支也必须安全：mp.where(ok, f(mp.where(ok, x, 1.0)), 0.0)",
)


of_logarithm: list[Case] = [
    (lambda x: x == 0, Bilingual("the logarithm of 0 is −∞: ", "0 的对数是 −∞：").then(safe_log)),
    (
        lambda x: x < 0,
        Bilingual(
            "a negative number has no logarithm: is it a difference that should be an absolute value?",
            "负数没有对数：它是不是一个本该取绝对值的差？",
        ),
    ),
]
of_exponential: list[Case] = [(lambda x: abs(x) > 10, too_steep)]
of_root: list[Case] = [
    (lambda x: x == 0, Bilingual("1/√0 is infinite: mp.rsqrt(x + 1e-12)", "1/√0 是无穷大：mp.rsqrt(x + 1e-12)")),
    (
        lambda x: x < 0,
        Bilingual(
            "a negative number has no real √; if it is a rounding error: mp.sqrt(mp.maximum(x, 0.0))",
            "负数没有实数 √；如果只是舍入误差：mp.sqrt(mp.maximum(x, 0.0))",
        ),
    ),
]
within_one: list[Case] = [
    (
        lambda x: abs(x) >= 1,
        Bilingual(
            "it is defined between −1 and 1: mp.clip(x, -1 + 1e-6, 1 - 1e-6)",
            "它定义在 −1 与 1 之间：mp.clip(x, -1 + 1e-6, 1 - 1e-6)",
        ),
    ),
]
of_division: list[Case] = [
    (lambda x, y: x == 0 and y == 0, Bilingual("0/0: ", "0/0 没有定义：").then(safe_division)),
    (lambda x, y: y == 0, Bilingual("division by 0: ", "除以 0：").then(safe_division)),
    (
        lambda x, y: np.isinf(x) and np.isinf(y),
        Bilingual("∞/∞ is NaN: look where the infinities come from", "∞/∞ 是 NaN：查明无穷大从何而来"),
    ),
]
of_sum: list[Case] = [
    (
        lambda x, y: np.isinf(x) and np.isinf(y),
        Bilingual(
            "∞ − ∞ is NaN: in a mask write -1e9 instead of −∞, or choose by mp.where",
            "∞ − ∞ 是 NaN：在掩码中用 -1e9 代替 −∞，或者用 mp.where 选择",
        ),
    )
]
of_product: list[Case] = [(lambda x, y: np.isinf(x) or np.isinf(y), unsafe_branch)]
of_power: list[Case] = [
    (
        lambda x, y: x == 0,
        Bilingual(
            "0 to a negative power is infinite: mp.pow(x + 1e-12, p)", "0 的负数次幂是无穷大：mp.pow(x + 1e-12, p)"
        ),
    ),
    (
        lambda x, y: x < 0 and y != np.round(y),
        Bilingual(
            "a negative number to a fractional power is not real: mp.pow(mp.abs(x), p)",
            "负数的分数次幂不是实数：mp.pow(mp.abs(x), p)",
        ),
    ),
]
cases: dict[str, list[Case]] = {
    "log": of_logarithm, "log2": of_logarithm, "log10": of_logarithm,
    "log1p": [
        (
            lambda x: x <= -1,
            Bilingual(
                "ln(1 + x) is defined for x > −1: mp.log1p(mp.maximum(x, -1 + 1e-6))",
                "ln(1 + x) 只对 x > −1 有定义：mp.log1p(mp.maximum(x, -1 + 1e-6))",
            ),
        )
    ],
    "exp": of_exponential, "expm1": of_exponential, "sinh": of_exponential, "cosh": of_exponential,
    "sqrt": of_root, "rsqrt": of_root,
    "reciprocal": [(lambda x: x == 0, Bilingual("1/0: ", "1/0 没有定义：").then(safe_division))],
    "asin": within_one, "acos": within_one, "atanh": within_one,
    "acosh": [
        (
            lambda x: x < 1,
            Bilingual("it is defined for x ≥ 1: mp.maximum(x, 1.0)", "它只对 x ≥ 1 有定义：mp.maximum(x, 1.0)"),
        )
    ],
    "sin": [(np.isinf, Bilingual("an infinite angle has no sine", "无穷大的角没有正弦"))],
    "cos": [(np.isinf, Bilingual("an infinite angle has no cosine", "无穷大的角没有余弦"))],
    "tan": [(np.isinf, Bilingual("an infinite angle has no tangent", "无穷大的角没有正切"))],
    "astype": [
        (
            np.isfinite,
            Bilingual(
                "the number is beyond the range of the new dtype: keep the wider one, or scale it",
                "该数超出新数据类型的范围：保留较宽的类型，或者缩放它",
            ),
        )
    ],
    "divide": of_division, "remainder": of_division, "floor_divide": of_division,
    "add": of_sum, "subtract": of_sum, "multiply": of_product, "power": of_power,
}  # fmt: skip
# The derivative of a function where it is infinite, which shows as a division by 0 in its pullback or its tangent.
_of_any_logarithm = Bilingual("the derivative of the logarithm at 0 is infinite: ", "对数在 0 处的导数是无穷大：").then(
    safe_log
)
_of_quotient = Bilingual("the divisor is 0 or nearly so: ", "除数是 0 或接近 0：").then(safe_division)
_at_the_ends = Bilingual(
    "the derivative at ±1 is infinite: mp.clip(x, -1 + 1e-6, 1 - 1e-6)",
    "±1 处的导数是无穷大：mp.clip(x, -1 + 1e-6, 1 - 1e-6)",
)
of_derivative: dict[str, Bilingual] = {
    "sqrt": Bilingual(
        "the derivative of √x at 0 is infinite: mp.sqrt(x + 1e-12), or √ of mp.where(x > 0, x, 1.0)",
        "√x 在 0 处的导数是无穷大：mp.sqrt(x + 1e-12)，或者对 mp.where(x > 0, x, 1.0) 取 √",
    ),
    "rsqrt": Bilingual(
        "the derivative of 1/√x at 0 is infinite: mp.rsqrt(x + 1e-12)",
        "1/√x 在 0 处的导数是无穷大：mp.rsqrt(x + 1e-12)",
    ),
    "log": Bilingual("the derivative of ln x at 0 is infinite: ", "ln x 在 0 处的导数是无穷大：").then(safe_log),
    "log2": _of_any_logarithm,
    "log10": _of_any_logarithm,
    "log1p": Bilingual(
        "the derivative of ln(1 + x) at −1 is infinite: mp.log1p(mp.maximum(x, -1 + 1e-6))",
        "ln(1 + x) 在 −1 处的导数是无穷大：mp.log1p(mp.maximum(x, -1 + 1e-6))",
    ),
    "power": Bilingual(
        "the derivative of x^p at 0 is infinite for p < 1: mp.pow(x + 1e-12, p)",
        "p < 1 时 x^p 在 0 处的导数是无穷大：mp.pow(x + 1e-12, p)",
    ),
    "divide": _of_quotient,
    "reciprocal": _of_quotient,
    "asin": _at_the_ends,
    "acos": _at_the_ends,
    "atanh": _at_the_ends,
    "acosh": Bilingual(
        "the derivative at 1 is infinite: mp.maximum(x, 1 + 1e-6)",
        "1 处的导数是无穷大：mp.maximum(x, 1 + 1e-6)",
    ),
    "eigh": Bilingual(
        "eigenvectors have no derivative where eigenvalues coincide; mp.linalg.eigvalsh has one",
        "特征值重合处特征向量没有导数；mp.linalg.eigvalsh 有",
    ),
    "svd": Bilingual(
        "singular vectors have no derivative where singular values coincide or are 0; mp.linalg.svdvals has one",
        "奇异值重合或为 0 处奇异向量没有导数；mp.linalg.svdvals 有",
    ),
}
of_matrices: dict[str, Bilingual] = {
    "cholesky": Bilingual(
        "a matrix is not positive definite: add a little of the identity, x + 1e-6 * mp.eye(n)",
        "有矩阵不是正定的：加上少许单位矩阵，x + 1e-6 * mp.eye(n)",
    ),
    "solve": Bilingual(
        "a matrix is singular: look for rows that depend on each other, or take mp.linalg.pinv(a) @ b",
        "有矩阵是奇异的：查找线性相关的行，或者用 mp.linalg.pinv(a) @ b",
    ),
}
no_gradient = Bilingual(
    (
        " (what comes in is 0, as behind an mp.where that took the other branch; 0·∞ is NaN, so make the operand "
        "itself safe, inside the branch too)"
    ),
    "（传入的梯度是 0，例如在选了另一分支的 mp.where 之后；0·∞ 是 NaN，因此要让运算数本身安全，分支之内也一样）",
)
no_tangent = Bilingual(
    " (the tangent that comes in is 0, and 0·∞ is NaN)",
    "（传入的切向量是 0，而 0·∞ 是 NaN）",
)
too_large = Bilingual(
    (
        "the numbers grow beyond the range of their dtype: standardise the inputs, lower the learning rate, clip the "
        "gradient (clip_norm=1.0), or compute in float64"
    ),
    "数值超出其数据类型的范围：对输入做标准化，降低学习率，裁剪梯度（clip_norm=1.0），或者用 float64 计算",
)
infinite_inputs = Bilingual(
    "the inputs hold infinities, and ∞ − ∞ and 0·∞ are NaN: look where those come from",
    "输入中有无穷大，而 ∞ − ∞ 与 0·∞ 是 NaN：查明它们从何而来",
)


def remedy(
    name: str, derivations: Sequence[Derivation], numbers: Sequence[Any], inputs: Sequence[Any], bad: Any
) -> Bilingual | None:
    """What to do about it, in English and in Chinese.

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
        return infinite_inputs
    return of_matrices.get(name)


def _of_derivative(written: Derivation, name: str, numbers: Sequence[Any]) -> Bilingual | None:
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
    known = of_derivative[written.operation]
    return known.then(nothing) if vanishing else known
