"""Losses of directions: vectors that belong together are to point the same way. Lengths do not count."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maplet.core.array import Array
from maplet.errors import ShapeError
from maplet.nn.given import require_features, same_shape
from maplet.nn.losses.common import loss, reduced
from maplet.ops import reduction as reductions
from maplet.ops.composite import logsumexp, norm
from maplet.ops.contraction import matmul
from maplet.ops.creation import eye
from maplet.ops.elementwise import equal, where
from maplet.ops.movement import matrix_transpose
from maplet.ops.slicing import concat
from maplet.settings import real

if TYPE_CHECKING:
    from maplet.core.array import ArrayLike
    from maplet.nn.losses.common import Reduction


@loss
def cosine(
    predictions: ArrayLike, targets: ArrayLike, *, reduction: Reduction = "mean", weights: ArrayLike | None = None
) -> Array:
    """One minus the cosine of the angle between vectors, l = 1 − p·t / (|p|·|t|), along the last axis.

    From 0 (the same direction) to 2 (the opposite one); a vector of length 0 is at right angles to all, and gets no
    useful gradient.

    Parameters
    ----------
    predictions, targets
        Arrays of the same shape (…, features).
    reduction, weights
        See `maplet.nn.losses`; there is one value per vector.

    Examples
    --------
    >>> import maplet as mp
    >>> cosine(mp.asarray([[1.0, 0.0], [1.0, 0.0]]), mp.asarray([[5.0, 0.0], [0.0, 2.0]]), reduction="none")
    Array([0., 1.], dtype=float32)
    """
    p, t = same_shape("cosine", predictions, targets)
    require_features("cosine", "predictions", p)
    return reduced("cosine", 1 - reductions.sum(_direction(p) * _direction(t), axis=-1), reduction, weights)


@loss
def info_nce(
    first: ArrayLike,
    second: ArrayLike,
    *,
    temperature: ArrayLike = 0.1,
    both_directions: bool = True,
    reduction: Reduction = "mean",
    weights: ArrayLike | None = None,
) -> Array:
    """Find the partner of each vector among all of the other kind: lᵢ = −ln softmax(sᵢ)ᵢ, sᵢⱼ = cos(aᵢ, bⱼ) / τ.

    Row i of ``first`` and row i of ``second`` belong together (an image and its caption), all other pairs do not: the
    cross-entropy of N classes. In both directions it is the mean of that and of finding aᵢ for bᵢ.

    Sources: A. van den Oord, Y. Li, O. Vinyals, "Representation learning with contrastive predictive coding", 2018;
    in both directions A. Radford et al., "Learning transferable visual models from natural language supervision", 2021.

    Parameters
    ----------
    first, second
        (N, features), of any lengths: they are divided by them.
    temperature
        τ > 0: the less, the more the nearest of the others count. As an array, such as a parameter, it can be learned.
    both_directions
        Whether to look for partners in ``first``, too.
    reduction, weights
        See `maplet.nn.losses`. The examples are not independent: one of weight 0 still is among the others of all.

    Examples
    --------
    >>> import maplet as mp
    >>> round(float(info_nce(mp.eye(2), mp.eye(2), temperature=1.0)), 4)  # −ln(e / (e + 1))
    0.3133
    """
    a, b = _two_views("info_nce", first, second, temperature)
    similarity = matmul(a, matrix_transpose(b)) / temperature
    partner = reductions.sum(a * b, axis=-1) / temperature
    values = logsumexp(similarity, axis=1) - partner
    if both_directions:
        values = 0.5 * (values + logsumexp(similarity, axis=0) - partner)
    return reduced("info_nce", values, reduction, weights)


@loss
def contrastive(
    first: ArrayLike,
    second: ArrayLike,
    *,
    temperature: ArrayLike = 0.5,
    reduction: Reduction = "mean",
    weights: ArrayLike | None = None,
) -> Array:
    """Find the other view of each example among all views of all: `info_nce` as SimCLR has it (NT-Xent).

    Of the 2N vectors zᵢ, the rows of both arrays, each looks for its partner among the 2N − 1 others, of either array:
    l(i) = −ln(e^(cos(zᵢ, partner)/τ) / Σ_{k≠i} e^(cos(zᵢ, zₖ)/τ)). The value of an example is the mean over its views.

    Source: T. Chen, S. Kornblith, M. Norouzi, G. Hinton, "A simple framework for contrastive learning of visual
    representations", ICML 2020.

    Parameters
    ----------
    first, second
        (N, features), two views of N examples, of any lengths: they are divided by them.
    temperature
        τ > 0.
    reduction, weights
        See `maplet.nn.losses`. The examples are not independent: one of weight 0 still is among the others of all.

    Examples
    --------
    >>> import maplet as mp
    >>> round(float(contrastive(mp.eye(2), mp.eye(2), temperature=1.0)), 4)  # −ln(e / (e + 2))
    0.5514
    """
    a, b = _two_views("contrastive", first, second, temperature)
    views = concat([a, b])
    count = a.shape[0]
    similarity = matmul(views, matrix_transpose(views)) / temperature
    others = logsumexp(where(equal(eye(2 * count), 1.0), -float("inf"), similarity), axis=1)
    partner = reductions.sum(a * b, axis=-1) / temperature
    values = 0.5 * (others[:count] + others[count:]) - partner
    return reduced("contrastive", values, reduction, weights)


def _two_views(name: str, first: ArrayLike, second: ArrayLike, temperature: ArrayLike) -> tuple[Array, Array]:
    if not isinstance(temperature, Array):  # an array may be learned
        real(f"{name}: temperature", temperature, above=0)
    a, b = same_shape(name, first, second, ("first", "second"))
    if a.ndim != 2 or not a.shape[0]:
        raise ShapeError(
            f"{name} takes rows of vectors, (N, features), given {a.shape}", fix="mp.reshape(x, (-1, features))"
        )
    return _direction(a), _direction(b)


def _direction(x: Array) -> Array:
    length = norm(x, axis=-1, keepdims=True)
    return x / where(equal(length, 0.0), 1.0, length)
