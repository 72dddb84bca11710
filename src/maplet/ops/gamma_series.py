"""The numbers that the gamma functions are computed with, in NumPy and in native code.

Polynomials, lowest power first, are expansions in Chebyshev polynomials (computed in 40 digits). Where a function is
analytic but for the negative axis, it is expanded in t = (y − c)/(y + c), which takes that axis farther away: half as
many terms do. (W. J. Cody, A. J. Strecok and H. C. Thacher use fractions instead, Math. Comp. 27 (1973), 123-127.)
"""

from __future__ import annotations

from functools import cache
from math import comb

# ln Γ(y)/((y − 1)(y − 2)) in (y − c)/(y + c) for 0.7 ≤ y ≤ lgamma_far; below, y + 1 is put in. Error 2^−53.
lgamma_small, lgamma_center, lgamma_far = 0.7, 1.673, 4.0
lgamma_near = (
    0.45961237518135284, -0.42391629549136206, 0.12752404575632192, -0.14623020557551666, 0.08449730886868254,
    -0.09092216300179286, 0.06334540668047299, -0.06635368827835085, 0.05060869587727771, -0.052315628533678035,
    0.042115008161843825, -0.043205745057370674, 0.03605489558106099, -0.036810296996466825, 0.03151761609694681,
    -0.032047035572432936, 0.02797272952005289, -0.028629700073764627, 0.02537555205420024, -0.023889377653104935,
    0.021386840249777272, -0.03110928037898347, 0.028307529668070885, 0.003458386063500981, -0.003428906788363149,
    -0.06008160946438342, 0.055491747337268374,
)  # fmt: skip

# From there on (y − ½)(ln y − 1) + ½ ln 2π − ½ + p(1/y²)/y (J. Stirling). Error of p 2^−54.
stirling_constant = 0.4189385332046727
stirling = (
    0.08333333333333333, -0.0027777777777770007, 0.0007936507931476311, -0.0005952379667981216,
    0.0008417338075277033, -0.0019161853098188927, 0.00634259636792375, -0.027260833476075257, 0.12576373504392327,
    -0.4716172505351697, 0.9481136930893833,
)  # fmt: skip

# ψ(y)/(y − root) in (y − c)/(y + c) for 1 ≤ y ≤ digamma_far. Error 2^−54.
digamma_root = (1.4616321449683622, 9.549995429965697e-17)  # where ψ is 0: rounded, and what that leaves
digamma_center, digamma_far = 1.732, 3.0
digamma_near = (
    0.8641071919845916, -1.150020259767752, 0.7896911308175776, -0.8283379437002952, 0.7788470190470939,
    -0.8008462822372755, 0.7832796449315692, -0.7953472642022467, 0.785976040648227, -0.7932895573753282,
    0.7873727103589454, -0.7922570349763287, 0.7881714868111531, -0.7912905056665097, 0.7883010788747749,
    -0.7973136082035613, 0.7950037491887024, -0.7261276868300285, 0.7245332224499779, -1.164993522507106,
    1.162654493095122,
)  # fmt: skip

# From there on ln y − 1/(2y) − p(1/y²)/y². Error of p 2^−52.
digamma_series = (
    0.08333333333333331, -0.008333333333294637, 0.003968253948413878, -0.004166662610806694, 0.007575319141339918,
    -0.021063933358260106, 0.0820733588984081, -0.4045406921025246, 2.172186775531551, -10.680672737836394,
    40.78054075278386, -101.3156032293876, 119.19157811856279,
)  # fmt: skip

# (sin(πr)/(πr) − 1)/r² in r² for |r| ≤ ½. Error 2^−55.
sine = (
    -1.6449340668482264, 0.8117424252833519, -0.19075182412194128, 0.026147847813078808, -0.0023460809634923995,
    0.00014842817816693618, -6.972960555564221e-06, 2.459180384815939e-07,
)  # fmt: skip

# ── derivatives of the digamma function ──────────────────────────────────────────────────────────

highest_order = 30

# The Bernoulli numbers B₂, B₄ … B₂₄ as fractions. With twelve terms the series below leaves less than 2^−56 from 10 + n
# on, for every order n up to the highest.
bernoulli = (
    (1, 6), (-1, 30), (1, 42), (-1, 30), (5, 66), (-691, 2730), (7, 6), (-3617, 510), (43867, 798), (-174611, 330),
    (854513, 138), (-236364091, 2730),
)  # fmt: skip


def steps(n: int) -> int:
    """How many steps of the recurrence take an argument to where the series holds."""
    return 10 + n


@cache
def asymptotic(n: int) -> tuple[float, ...]:
    """The factors of u²ʲ, j = 1, 2, …, in ψₙ = ±(n − 1)!·uⁿ·(1 + ½n·u + Σ cⱼ·u²ʲ) with u = 1/y.

    cⱼ = B₂ⱼ·(2j + n − 1)!/((2j)!·(n − 1)!) (M. Abramowitz, I. A. Stegun, Handbook of Mathematical Functions, 6.4.11).
    """
    return tuple(above * comb(2 * j + n - 1, 2 * j) / below for j, (above, below) in enumerate(bernoulli, 1))


_pi, _digits = 3141592653589793238462643383279502884197, 39  # and so many stand behind the point


@cache
def reflection(n: int) -> tuple[float, ...]:
    """πⁿ⁺¹ times the polynomial in c² that (−1)ⁿ·(dⁿ/dzⁿ cot z) is with c = cot z, after c is taken out for even n.

    The derivative of cot is −(1 + c²): each step maps a polynomial p(c) to (1 + c²)·p′(c).
    """
    polynomial = [0, 1]
    for _ in range(n):
        derivative = [k * a for k, a in enumerate(polynomial)][1:]
        polynomial = [a + b for a, b in zip([*derivative, 0, 0], [0, 0, *derivative], strict=True)]
    power, unit = _pi ** (n + 1), 10 ** (_digits * (n + 1))
    return tuple(a * power / unit for a in polynomial[1 - n % 2 :: 2])
