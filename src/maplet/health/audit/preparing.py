"""Runs that can be judged: the same each time, with a finite loss, and recorded as they are."""

# What a program of a user's holds, and what NumPy makes of it, may be anything.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false, reportUnknownLambdaType=false

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.errors import GradientError
from maplet.health.audit.drawing import confirming, if_it_runs
from maplet.health.audit.edits.bench import Bench
from maplet.health.audit.fresh import nudged
from maplet.health.audit.numbers import agrees
from maplet.health.audit.program.calling import Run, Subject, arrays_of, run
from maplet.health.audit.program.copies import plain
from maplet.health.audit.program.foreign import is_foreign
from maplet.health.audit.program.tape import first_not_finite
from maplet.health.audit.program.user_errors import of_user, said
from maplet.health.audit.slopes import contradicted
from maplet.settings import real, whole

if TYPE_CHECKING:
    from collections.abc import Mapping


calls_of_random = 10


def require_settings(tolerance: Any, seed: Any) -> tuple[float, int]:
    """What a right gradient may differ by, and the seed, checked."""
    return real("audit: tolerance", tolerance, above=0, below=1), whole("audit: seed", seed, least=0)


def prepared(subject: Subject, tolerance: float, rng: np.random.Generator) -> tuple[list[Bench], Bench, Run]:
    """Benches on the given inputs and on others, one beside the given, and the run with the arrays as they are."""
    before = subject.randomness()
    first = of_user(lambda: run(subject, recorded=False))
    draws = before != subject.randomness()
    for _ in range(calls_of_random if draws else 1):  # two draws of a mask may be the same by chance
        _require_steady(first, of_user(lambda: run(subject, recorded=False)))
    arrays = arrays_of(subject)
    wide = {name: np.asarray(a, np.float64) if np.asarray(a).dtype.kind == "f" else a for name, a in arrays.items()}
    try:
        recorded, why = run(subject), ""
    except (Exception, SystemExit) as error:  # noqa: BLE001  (the program runs with plain arrays: what it does with recorded ones is its right)
        foreign = any(is_foreign(array) for array in subject.args)
        recorded, why = None, "foreign" if foreign else said(error)
    require_finite(first, recorded)
    faithful = recorded is not None and _is_faithful(recorded, run(subject, wide, recorded=False))
    if recorded is not None and not faithful:
        why = f"a value leaves NumPy at {recorded.tape.lost[0]}" if recorded.tape.lost else "its values differ"

    def bench(values: Mapping[str, Any]) -> Bench:
        found = Bench(run(subject, values, recorded=faithful), tolerance)
        found.why = why
        return found

    here = of_user(lambda: bench(wide))
    if faithful and here.truth.is_smooth and _moves_otherwise(here, subject, wide):
        faithful, why = False, "it moves by other slopes than were recorded"
        here = bench(wide)
    draws = confirming(here, bench, lambda move: move(wide, set(first.gradients), rng))
    beside = if_it_runs(lambda: bench(nudged(wide, set(first.gradients), rng)))
    return [here, *draws], beside or here, first


def _moves_otherwise(bench: Bench, subject: Subject, values: Mapping[str, Any]) -> bool:
    """Whether the program itself moves otherwise than was recorded: a value that left NumPy is a constant there."""

    def loss(moved: Mapping[str, Any]) -> float:
        done = run(subject, {**values, **moved}, recorded=False, backward_too=False)
        return float(np.sum(done.value(done.loss)))

    right = bench.right_as_given
    wrong = [[o.name] for o in bench.outputs if o.name not in right]
    try:
        return any(
            contradicted(loss, values, {name: bench.expected[name] for name in names}, step=1e-3, rounding=1e-7)
            for names in [[o.name for o in bench.outputs], *wrong]
        )
    except (Exception, SystemExit):  # noqa: BLE001  (on the inputs given it runs)
        return False


def require_finite(first: Run, recorded: Run | None) -> None:
    """A loss that is NaN or infinite has no gradient to compare with; where that begins is what is wrong."""
    loss = float(np.sum(first.value(first.loss)))
    if np.isfinite(loss):
        return
    where, what = None, "and"
    names = {number: name for name, number in recorded.inputs.items()} if recorded is not None else {}
    call = first_not_finite(recorded.tape, [recorded.loss]) if recorded is not None else None
    if call is not None and call.function is None:
        what = f"as {names.get(call.number, 'an array')} is already, and"
    elif call is not None and call.lines:
        where = f"{Path(call.lines[-1].file).name}:{call.lines[-1].number}"
        what = f"which begins with {call.kind} there, and"
    raise GradientError(
        f"the loss is {loss}, {what} has no gradient to compare with",
        fix="mend the forward pass first, or give other numbers (no logarithm of 0, no overflow of exp)",
        where=where,
    )


@np.errstate(all="ignore")  # gradients may be infinite
def _require_steady(first: Run, again: Run) -> None:
    a, b = float(np.sum(first.value(first.loss))), float(np.sum(again.value(again.loss)))
    pairs = [("the loss", a, b)]
    for name, gradient in first.gradients.items():
        other = again.gradients.get(name)
        if other is not None and np.shape(plain(gradient)) == np.shape(plain(other)):
            one, two = (np.asarray(plain(each), np.float64).reshape(-1) for each in (gradient, other))
            at = int(np.argmax(np.abs(one - two))) if one.size else 0
            pairs += [(f"the gradient of {name}", float(one[at]), float(two[at]))] if one.size else []
    for what, one, two in pairs:
        if one != two and not (np.isnan(one) and np.isnan(two)):
            raise GradientError(
                f"the functions are not deterministic: {what} is {one!r} in one call and {two!r} in the next",
                fix="give random draws (a dropout mask, noise) as arguments, or seed them inside of the function",
            )


def _is_faithful(recorded: Run, exact: Run) -> bool:
    """Whether the recording gives what the program gives with plain arrays, and knows where it comes from.

    A program that goes over to half precision on its way gives three digits of what the recording has.
    """
    half = any(_is_half(arg) for call in recorded.tape.calls for arg in (*call.args, *call.kwargs.values()))
    if not agrees(recorded.value(recorded.loss), exact.value(exact.loss), 1e-2 if half else 1e-6):
        return False
    if set(recorded.gradients) != set(exact.gradients):
        return False
    for name, gradient in exact.gradients.items():
        found = recorded.gradients[name]
        if np.shape(plain(found)) != np.shape(plain(gradient)) or not np.allclose(
            plain(found), plain(gradient), rtol=1e-2 if half else 1e-3, atol=1e-2 if half else 1e-5, equal_nan=True
        ):
            return False
    behind = recorded.tape.ancestors([recorded.loss])
    return not recorded.tape.lost or all(recorded.inputs[name] in behind for name in recorded.gradients)


def _is_half(arg: Any) -> bool:
    return (
        arg in ("float16", "half") if isinstance(arg, str) else isinstance(arg, np.dtype | type) and arg == np.float16
    )
