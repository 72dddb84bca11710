"""The complementary and the inverse error function; the error function itself stands in ``ops/elementwise.py``.

Their polynomials, lowest power first, are expansions in Chebyshev polynomials (computed in 40 digits), for which the
function is first brought into a form that is smooth over the whole range. Native code uses the same ones.
"""

# The records below are tables of short lambdas, all of one signature, of which each uses what it needs.
# ruff: noqa: ARG005
# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

from math import pi, sqrt
from typing import TYPE_CHECKING

import numpy as np

from maplet.ops.elementwise import exp, square
from maplet.ops.records import unary
from maplet.ops.special import erf_value, polynomial

if TYPE_CHECKING:
    from maplet.ops.special import Value


# (1 + 2x)·e^(x²)·erfc x in (x − 4)/(x + 4), for 0 ≤ x ≤ 28; beyond, erfc x is 0. Error 2^−53.
erfc_center, erfc_end = 4.0, 28.0
erfc_coefficients = (
    1.2329951186255526, -0.13962111684056253, 0.015379652102619558, 0.06809705425469323, -0.10103906603629459,
    0.09373283499833023, -0.0663303658124095, 0.03716751553777026, -0.01619773405599449, 0.005031969975753176,
    -0.0007577732973669146, -0.00019925668432389153, 0.00015062169704678355, -2.439924428312988e-05,
    -1.1222046316669005e-05, 5.709784760966506e-06, 2.9377854943443786e-07, -8.254699744871162e-07,
    7.471952780500971e-08, 1.1005996198640057e-07, -1.799947545903142e-08, -1.4091982822555755e-08,
    1.868487385473519e-09, 1.263782858042137e-09,
)  # fmt: skip


def erfc_value(x: Value) -> Value:
    """1 − erf x, from ½ on e^(−x²)·p/(1 + 2x), and 2 less that of −x below 0.

    The form is that of M. M. Shepherd and J. G. Laframboise, "Chebyshev approximation of (1 + 2x)·exp(x²)·erfc x in
    0 ≤ x < ∞", Math. Comp. 36 (1981), 249-253. So that e^(−x²) is exact, x is taken apart into z of 24 bits, whose
    square is not rounded, and the rest: x² = z² + (x − z)·(x + z).
    """
    size = np.minimum(np.abs(x), erfc_end)
    short = size.astype(np.float32).astype(np.float64)
    decay = np.exp(-short * short)
    decay = decay + decay * np.expm1((short - size) * (short + size))
    far = decay * (polynomial((size - erfc_center) / (size + erfc_center), erfc_coefficients) / (1 + 2 * size))
    found = np.where(size < 0.5, 1 - erf_value(size), far)
    return np.where(x < 0, 2 - found, found)


# erf⁻¹(x)/x in w − erfinv_near where w = −ln(1 − x²) is below erfinv_split; beyond, erf⁻¹(x) itself in √w − erfinv_far.
# Error 2^−52.
erfinv_split, erfinv_near, erfinv_far = 6.0, 3.0, 4.23
erfinv_center = (
    1.6235420064648298, 0.2416304041661583, -0.005738135221005623, -0.0008361817769094964, 0.00019506132441192065,
    -1.2716422638199853e-05, -1.7480020929896479e-06, 4.499854247615572e-07, -2.368873021118504e-08,
    -5.46717846812532e-09, 1.110799899853498e-09, -3.1425785137828936e-11, -1.732952481239926e-11,
    2.6990332675037463e-12, 6.449389855187572e-15, -5.294269265981523e-14, 6.293734713664434e-15,
    2.7567170138166916e-16, -1.5731123503391285e-16, 1.2748590953505583e-17, 1.6568902070326583e-18,
    -3.860192377004801e-19, 5.9949571622188915e-21, 4.22831964711441e-21, -2.990450243272688e-22,
)  # fmt: skip
erfinv_tail = (
    4.072024113608415, 1.0099493142743827, 0.0007486098683109187, -0.000622236126114427, 0.00021339597904467843,
    -5.9542742338613384e-05, 1.4917344926438395e-05, -3.3865594782090317e-06, 6.397527383209227e-07,
    -5.392430050143286e-08, -3.61145798724435e-08, 2.8776694287823263e-08, -1.310336506377902e-08,
    4.134026032551233e-09, -7.060107295607063e-10, -1.301503916150138e-10, 1.5171483982591342e-10,
    -5.797408515527593e-11, 1.1875261669912548e-11, -7.928525767467373e-13, -1.0041440009784134e-12,
    8.583062741097257e-13, -2.233262829180218e-13, -4.0896389445515925e-14, 2.5417766638001442e-14,
    -6.735735211391665e-16, -6.435692449386979e-16,
)  # fmt: skip


def erfinv_value(x: Value) -> Value:
    """The inverse error function: x times a polynomial in w = −ln(1 − x²), and towards ±1 one in √w.

    After M. Giles, "Approximating the erfinv function", GPU Computing Gems, Jade Edition (2011), 109-116.
    """
    w = -np.log((1 - x) * (1 + x))
    near, far = x * polynomial(w - erfinv_near, erfinv_center), polynomial(np.sqrt(w) - erfinv_far, erfinv_tail)
    found = np.where(w < erfinv_split, near, np.copysign(far, x))
    return np.where(np.abs(x) == 1, np.copysign(np.inf, x), found)


erfc = unary(
    "erfc", erfc_value, "The complementary error function, 1 − erf x, exact where that is small.",
    lambda g, out, x: g * (-2 / sqrt(pi) * exp(-square(x))),  # −2/√π e^(−x²)
    notation=r"\operatorname{{erfc}}({0})",
)  # fmt: skip
erfinv = unary(
    "erfinv", erfinv_value, "The inverse error function: the y with erf y = x.",
    lambda g, out, x: g * (sqrt(pi) / 2 * exp(square(out))),  # ½√π e^(y²)
    domain=(-0.8, 0.8), singular=True, notation=r"\operatorname{{erf}}^{{-1}}({0})",
    convention="±∞ at ±1, where the derivative is ∞; NaN beyond",
)  # fmt: skip
