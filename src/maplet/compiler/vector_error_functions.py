"""The complementary and the inverse error function; the error function itself stands in `vector_exponentials`.

f32 is computed in f64, by shorter polynomials. The forms, and the coefficients for f64, are those of
``ops/error_functions.py``; how they were made is said there.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from maplet.compiler.vector_exponentials import erf_of_small, exp_of_negative, exp_of_sum
from maplet.compiler.vector_logarithms import infinity, log, log_of_normal
from maplet.compiler.vector_numbers import Number, at_most, choose, copysign, fma, polynomial, sqrt
from maplet.compiler.vector_repair import corrected
from maplet.ops import error_functions as known

if TYPE_CHECKING:
    from maplet.compiler.vector_numbers import Coefficients

# (1 + 2x)·e^(x²)·erfc x in (x − c)/(x + c), with c and the x from which on erfc x is 0; for f32 the error is
# 2^−30.
_complement: dict[str, tuple[float, float, Coefficients]] = {
    "f32": (
        3.0, 10.25,
        {"f64": (
            1.2530080589630748, -0.13562111132093554, -0.04756238574717047, 0.12964535978282374, -0.11927162364079665,
            0.06830654025528748, -0.02378734408845976, 0.002527461233270759, 0.0019475884851250546,
            -0.0007391089633650175, -0.00017783437884964413, 3.731940024812648e-05,
        )},
    ),
    "f64": (known.erfc_center, known.erfc_end, {"f64": known.erfc_coefficients}),
}  # fmt: skip


def erfc(x: Number) -> Number:
    """e^(−x²)·p/(1 + 2x), and 2 less that of −x below 0; of a small f64 1 − erf x.

    What rounding took from x² is added again.
    """
    center, end, coefficients = _complement[x.dtype]
    wide = x.to("f64")
    size = at_most(abs(wide), end)
    square = size * size
    decay = exp_of_negative(-square) if x.dtype == "f32" else exp_of_sum(-square, -fma(size, size, -square))
    smooth = polynomial((size - center) / (size + center), coefficients)
    found = decay * (smooth / fma(size, 2.0, 1.0))
    if x.dtype == "f64":
        found = choose(size < 0.5, 1.0 - erf_of_small(size), found)
    return choose(wide < 0, 2.0 - found, found).to(x.dtype)


# erf⁻¹(x)/x in w − n where w = −ln(1 − x²) is below s, and erf⁻¹(x) in √w − f beyond: s, n, f and the coefficients.
# For f32 the error is 2^−27.
_inverse: dict[str, tuple[float, float, float, Coefficients, Coefficients]] = {
    "f32": (
        5.0, 2.5, 3.12,
        {"f64": (
            1.501409351110792, 0.24664028942745514, -0.004177320040540122, -0.0012527485028416628,
            0.00021825772396383332, -4.9596917942159365e-06, -3.4234142742220455e-06, 4.6541741050231655e-07,
            1.598430613390006e-08, -8.739010702830122e-09, 4.671932509038665e-10,
        )},
        {"f64": (
            2.953214298027861, 1.004163672161466, 0.005698257364616118, -0.002928820267115807, 0.0010051757258809336,
            -0.0002358370596492021, -4.06820758978328e-07, 4.045163813395033e-05, -1.7398036754553003e-05,
        )},
    ),
    "f64": (
        known.erfinv_split, known.erfinv_near, known.erfinv_far,
        {"f64": known.erfinv_center}, {"f64": known.erfinv_tail},
    ),
}  # fmt: skip


def erfinv(x: Number) -> Number:
    """x·p(w), and towards ±1 q(√w), which is computed where a vector has such an x; infinite at ±1, NaN beyond."""
    split, near, far, center, tail = _inverse[x.dtype]
    wide = x.to("f64")
    gap = fma(-wide, wide, 1.0)
    found = wide * polynomial(-near - log_of_normal(gap), center)

    def towards_one() -> Number:
        w = -log(gap)
        return copysign(choose(w.equals(infinity), w, polynomial(sqrt(w) - far, tail)), wide)

    return corrected(found, ~(gap > math.exp(-split)), towards_one).to(x.dtype)
