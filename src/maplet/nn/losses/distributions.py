"""Losses of distributions: how unlikely the targets are, and how far one distribution is from another."""

from __future__ import annotations

from math import log as logarithm_of
from math import pi
from typing import TYPE_CHECKING

from maplet.nn.given import (
    require_features,
    require_logarithms,
    require_not_negative,
    require_probabilities,
    same_shape,
)
from maplet.nn.losses.common import loss, reduced
from maplet.ops import reduction as reductions
from maplet.ops.elementwise import equal, exp, log, maximum, square, where
from maplet.ops.gamma_functions import lgamma
from maplet.ops.identity import stop_gradient
from maplet.settings import real

if TYPE_CHECKING:
    from maplet.core.array import Array, ArrayLike
    from maplet.nn.losses.common import Reduction


@loss
def kl_divergence(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    log_targets: bool = False,
    reduction: Reduction = "mean",
    weights: ArrayLike | None = None,
) -> Array:
    """How far distributions are from the targets q, l = Σₖ qₖ·(ln qₖ − aₖ): **predictions are logarithms** a = ln p.

    The sum goes along the last axis; where qₖ = 0 nothing is added. (PyTorch's ``reduction="batchmean"`` is the
    ``"mean"`` of here.)

    Source: S. Kullback, R. A. Leibler, "On information and sufficiency", 1951.

    Parameters
    ----------
    predictions
        (…, C), logarithms of probabilities: ``mp.log_softmax(logits)``, not logits and not probabilities.
    targets
        (…, C), probabilities; or their logarithms.
    log_targets
        Whether the targets are logarithms, too.
    reduction, weights
        See `maplet.nn.losses`; there is one value per distribution.

    Raises
    ------
    DataError
        If probabilities do not add up to 1.

    Examples
    --------
    >>> import maplet as mp
    >>> p, q = mp.asarray([[0.5, 0.5]]), mp.asarray([[0.0, 1.0]])
    >>> float(mp.exp(kl_divergence(mp.log(p), q)))
    2.0
    """
    a, t = same_shape("kl_divergence", predictions, targets)
    require_features("kl_divergence", "predictions", a)
    require_logarithms("kl_divergence", "predictions", a)
    if log_targets:
        require_logarithms("kl_divergence", "targets", t)
    else:
        require_probabilities("kl_divergence", t)
    q = exp(t) if log_targets else t
    absent = equal(q, 0.0)
    log_q = where(absent, 0.0, t) if log_targets else log(where(absent, 1.0, t))
    excluded = absent & equal(a, -float("inf"))
    values = reductions.sum(q * (log_q - where(excluded, 0.0, a)), axis=-1)
    return reduced("kl_divergence", values, reduction, weights)


@loss
def gaussian_likelihood(
    predictions: ArrayLike,
    targets: ArrayLike,
    variances: ArrayLike,
    *,
    floor: float = 1e-6,
    full: bool = False,
    reduction: Reduction = "mean",
    weights: ArrayLike | None = None,
) -> Array:
    """How unlikely targets t are under normal distributions, l = (ln v + (p − t)²/v) / 2: a net that knows its doubt.

    The negative logarithm of the likelihood, for means p and variances v; ``full`` adds its constant, ln(2π) / 2.

    Source: D. A. Nix, A. S. Weigend, "Estimating the mean and variance of the target probability distribution", 1994.

    Parameters
    ----------
    predictions, targets, variances
        Arrays of the same shape; variances are not negative (``mp.softplus`` or ``mp.exp`` of what the net says).
    floor
        A lesser variance counts as this one, greater than 0; its gradient is that at the floor, so that it can rise.
    full
        Whether to add the constant.
    reduction, weights
        See `maplet.nn.losses`.

    Examples
    --------
    >>> import maplet as mp
    >>> gaussian_likelihood(mp.asarray([1.0, 1.0]), mp.asarray([1.0, 3.0]), mp.ones(2), reduction="none")
    Array([0., 2.], dtype=float32)
    """
    floor = real("gaussian_likelihood: floor", floor, above=0)
    p, t = same_shape("gaussian_likelihood", predictions, targets)
    p, v = same_shape("gaussian_likelihood", p, variances, ("predictions", "variances"))
    require_not_negative(
        "gaussian_likelihood", "variances", v, fix="give mp.softplus(output), or mp.exp(output) of a logarithm"
    )
    held = stop_gradient(maximum(v, floor)) + (v - stop_gradient(v))  # the value is held, the gradient passes
    values = 0.5 * (log(held) + square(p - t) / held)
    if full:
        values = values + 0.5 * logarithm_of(2 * pi)
    return reduced("gaussian_likelihood", values, reduction, weights)


@loss
def poisson_likelihood(
    predictions: ArrayLike,
    targets: ArrayLike,
    *,
    logarithms: bool = True,
    full: bool = False,
    reduction: Reduction = "mean",
    weights: ArrayLike | None = None,
) -> Array:
    """How unlikely counts t are where λ are expected: l = λ − t·ln λ; **predictions are logarithms** ln λ.

    The negative logarithm of the likelihood of a Poisson distribution; ``full`` adds ln t!, which no net can change.

    Source: P. McCullagh, J. Nelder, "Generalized linear models", 1989.

    Parameters
    ----------
    predictions, targets
        Arrays of the same shape; targets are 0 or greater.
    logarithms
        Whether predictions are ln λ; else they are λ > 0.
    full
        Whether to add ln t!.
    reduction, weights
        See `maplet.nn.losses`.

    Examples
    --------
    >>> import maplet as mp
    >>> poisson_likelihood(mp.asarray([0.0, 0.0]), mp.asarray([0.0, 5.0]), reduction="none")
    Array([1., 1.], dtype=float32)
    """
    p, t = same_shape("poisson_likelihood", predictions, targets)
    require_not_negative("poisson_likelihood", "targets", t, fix="for targets that may be negative the loss is mse")
    if logarithms:
        values = exp(p) - t * p
    else:
        require_not_negative("poisson_likelihood", "predictions", p, fix="logarithms=True takes ln λ, any number")
        neither = equal(t, 0.0) & equal(p, 0.0)  # 0·ln 0 = 0
        values = p - t * log(where(neither, 1.0, p))
    if full:
        values = values + lgamma(t + 1)
    return reduced("poisson_likelihood", values, reduction, weights)
