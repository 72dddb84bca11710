"""Losses: how wrong a prediction is, as one number to be made smaller.

Every loss takes predictions, targets and two options. ``weights`` are one number per example (the first axis) or one
per value of the loss; an example of weight 2 counts as if it were there twice, one of weight 0 as if it were not there.
``reduction`` puts the values together:

=============  ==========================================================
``"mean"``     Σ wᵢ·lᵢ / Σ wᵢ; without weights Σ lᵢ / N, over all values
``"sum"``      Σ wᵢ·lᵢ
``"none"``     wᵢ·lᵢ, not put together
=============  ==========================================================

Shapes must be equal: a loss never broadcasts. (N, 1) against (N,) would compare every prediction with every target.
"""

from __future__ import annotations

from maplet.nn.losses.classification import binary_cross_entropy, cross_entropy, dice
from maplet.nn.losses.common import losses
from maplet.nn.losses.distributions import gaussian_likelihood, kl_divergence, poisson_likelihood
from maplet.nn.losses.focal import binary_focal, focal
from maplet.nn.losses.margins import binary_hinge, hinge, triplet
from maplet.nn.losses.regression import huber, mae, mse, quantile
from maplet.nn.losses.sequences import ctc
from maplet.nn.losses.similarity import contrastive, cosine, info_nce

__all__ = [
    "binary_cross_entropy",
    "binary_focal",
    "binary_hinge",
    "contrastive",
    "cosine",
    "cross_entropy",
    "ctc",
    "dice",
    "focal",
    "gaussian_likelihood",
    "hinge",
    "huber",
    "info_nce",
    "kl_divergence",
    "losses",
    "mae",
    "mse",
    "poisson_likelihood",
    "quantile",
    "triplet",
]
