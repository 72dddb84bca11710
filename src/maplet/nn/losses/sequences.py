"""Losses of sequences: texts that belong to recordings, without saying where in them each letter is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from maplet.control.scan import scan
from maplet.core.array import value_of
from maplet.core.types import is_integer, short_name
from maplet.errors import DataError, DTypeError, ShapeError
from maplet.nn.given import first_wrong, require_logarithms
from maplet.nn.losses.common import loss, reduced
from maplet.ops.arguments import as_array, as_floating
from maplet.ops.creation import arange, full
from maplet.ops.elementwise import equal, logaddexp, maximum, not_equal, where
from maplet.ops.indexing import take_along_axis
from maplet.ops.movement import broadcast_to, expand_dims, moveaxis, reshape, squeeze
from maplet.ops.slicing import concat, stack
from maplet.settings import whole

if TYPE_CHECKING:
    from maplet.core.array import Array, ArrayLike
    from maplet.nn.losses.common import Reduction

impossible = -float("inf")  # the logarithm of probability 0


@loss
def ctc(
    predictions: ArrayLike,
    targets: ArrayLike,
    lengths: ArrayLike,
    target_lengths: ArrayLike,
    *,
    blank: int = 0,
    reduction: Reduction = "mean",
    weights: ArrayLike | None = None,
) -> Array:
    """Connectionist temporal classification, l = −ln Σ p(path) over all paths that read as the target.

    A path says one class at each time. It is read by dropping repetitions and then blanks: with blank −, both ``aa−b``
    and ``−abb`` are read as ``ab``. The sum is found by dynamic programming, in logarithms: with the target between
    blanks, e = −a−b−, and αₜ(s) the sum over the beginnings of paths that stand at eₛ at time t,

        αₜ(s) = pₜ(eₛ)·(αₜ₋₁(s) + αₜ₋₁(s − 1) + αₜ₋₁(s − 2)),

    where s − 2 counts only if eₛ is no blank and not eₛ₋₂.

    **Predictions are logarithms**, as `kl_divergence` takes them. A target for which there is no path (too few times
    for its letters and the blanks between equal ones) costs ∞, and its gradient is 0: the mean shows it, and the others
    are learned from. Weight 0 leaves it out, as ``zero_infinity`` does in PyTorch. ``"mean"`` is over the examples, and
    divides by no target length.

    Source: A. Graves, S. Fernández, F. Gomez, J. Schmidhuber, "Connectionist temporal classification", ICML 2006.

    Parameters
    ----------
    predictions
        (N, T, C), logarithms of the probabilities of C classes at T times: ``mp.log_softmax(logits)``.
    targets
        (N, L), integers from 0 to C − 1 without the blank. What stands behind the length of a target is not looked at.
    lengths, target_lengths
        (N,), integers: how many times and how many targets count, from 0 to T and to L.
    blank
        Which class is the blank.
    reduction, weights
        See `maplet.nn.losses`; there is one value per example.

    Raises
    ------
    ShapeError, DTypeError
        If the arrays do not fit.
    DataError
        If a length, a class or the sum of probabilities is not what it should be. The message names the place.

    Examples
    --------
    >>> import maplet as mp
    >>> even = mp.log(mp.full((1, 2, 2), 0.5))
    >>> float(mp.exp(-ctc(even, mp.asarray([[1]]), mp.asarray([2]), mp.asarray([1]))))  # of 4 paths: 1−, −1, 11
    0.75
    """
    a, t, times, counts = as_floating(as_array(predictions)), *map(as_array, (targets, lengths, target_lengths))
    blank = whole("ctc: blank", blank, least=0, most=_fit(a, t, times, counts) - 1)
    require_logarithms("ctc", "predictions", a)
    _require_known(a, t, times, counts, blank)
    letters = _between_blanks(where(arange(t.shape[1]) < expand_dims(counts, axis=-1), t, blank), blank)
    ends = _last_sums(a, letters, times, blank)
    last = expand_dims(2 * counts, axis=-1)  # a path ends on the last blank or on the last letter before it
    on_blank = take_along_axis(ends, last, axis=1)
    on_letter = where(equal(last, 0), impossible, take_along_axis(ends, maximum(last - 1, 0), axis=1))
    return reduced("ctc", -squeeze(logaddexp(on_blank, on_letter), axis=1), reduction, weights)


def _between_blanks(targets: Array, blank: int) -> Array:
    """(N, L) ↦ (N, 2L + 1): a blank before, between and behind the letters."""
    count, length = targets.shape
    blanks = full((count, length), blank, dtype=targets.dtype)
    pairs = reshape(stack([blanks, targets], axis=2), (count, 2 * length))
    return concat([pairs, full((count, 1), blank, dtype=targets.dtype)], axis=1)


def _last_sums(logarithms: Array, letters: Array, times: Array, blank: int) -> Array:
    """Ln α at the last time of each example, (N, S), by the recursion of `ctc`."""
    count, steps, _ = logarithms.shape
    places = letters.shape[1]
    said = take_along_axis(
        moveaxis(logarithms, 1, 0), broadcast_to(letters, (steps, count, places)), axis=2
    )  # (T, N, S): ln pₜ(eₛ), gathered at once
    running = expand_dims(arange(steps), axis=1) < times  # (T, N)
    may_skip = not_equal(letters, blank) & not_equal(letters, _moved(letters, 2, blank))

    def step(sums: Array, row: tuple[Array, Array]) -> tuple[Array, None]:
        probability, goes_on = row
        stayed_or_moved = logaddexp(sums, _moved(sums, 1, impossible))
        reached = logaddexp(stayed_or_moved, where(may_skip, _moved(sums, 2, impossible), impossible))
        return where(expand_dims(goes_on, axis=-1), probability + reached, sums), None

    # Before the first time all paths stand before the first blank, from where they reach that and the first letter.
    start = where(equal(arange(places), 0), 0.0, impossible)
    sums, _ = scan(step, broadcast_to(start, (count, places)).astype(logarithms.dtype), (said, running))
    return sums


def _moved(x: Array, places: int, first: float) -> Array:
    """Each row moved to the right; what comes in at the left is ``first``."""
    places = min(places, x.shape[1])
    return concat([full((x.shape[0], places), first, dtype=x.dtype), x[:, : x.shape[1] - places]], axis=1)


# ── what is given ────────────────────────────────────────────────────────────────────────────────


def _fit(predictions: Array, targets: Array, lengths: Array, target_lengths: Array) -> int:
    """The number of classes; the shapes and dtypes fit."""
    if predictions.ndim != 3:
        raise ShapeError(
            f"ctc takes predictions (N, T, C), given {predictions.shape}",
            fix="the examples are the first axis, the times the second: mp.moveaxis(x, 1, 0) of (T, N, C)",
        )
    count = predictions.shape[0]
    expected = {"targets": (targets, 2), "lengths": (lengths, 1), "target_lengths": (target_lengths, 1)}
    for word, (x, axes) in expected.items():
        shape = f"({count}, L)" if axes == 2 else f"({count},)"
        if x.ndim != axes or x.shape[0] != count:
            raise ShapeError(
                f"ctc takes {word} of shape {shape} for predictions {predictions.shape}, given {x.shape}",
                fix="give one row of targets, one length and one target length for each example",
            )
        if not is_integer(x.dtype):
            raise DTypeError(
                f"ctc takes integers as {word}, given {short_name(x.dtype)}",
                fix=f"convert with {word}.astype(mp.int64)",
            )
    return predictions.shape[2]


def _require_known(predictions: Array, targets: Array, lengths: Array, target_lengths: Array, blank: int) -> None:
    """Known lengths are not longer than what is there, and known targets that count are classes without the blank."""
    _, times, classes = predictions.shape
    letters = targets.shape[1]
    for word, x, most, of in (
        ("lengths", lengths, times, "predictions have"),
        ("target_lengths", target_lengths, letters, "targets have"),
    ):
        value = value_of(x)
        found = None if value is None else first_wrong(word, value, (value < 0) | (value > most))
        if found:
            raise DataError(f"ctc: {found}, and the {of} {most}", fix="a length counts what is there, from 0 on")
    value, counts = value_of(targets), value_of(target_lengths)
    if value is None or counts is None:
        return
    counted = np.arange(letters) < counts[:, None]
    found = first_wrong("targets", value, counted & ((value < 0) | (value >= classes) | (value == blank)))
    if found:
        raise DataError(
            f"ctc: {found}; targets are classes from 0 to {classes - 1} without the blank, {blank}",
            fix="number the letters so that the blank is not among them, and give the net one output more than letters",
        )
