"""From runs to a report: run, check that the recording is true, search, and put into words."""

# What a program of a user's holds, and what NumPy makes of it, may be anything.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false, reportUnknownLambdaType=false

from __future__ import annotations

import linecache
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.errors import GradientError
from maplet.health.audit.bench import Bench, Edit, Output, rearranging
from maplet.health.audit.calling import Run, Subject, arrays_of, run
from maplet.health.audit.causes import Cause
from maplet.health.audit.copies import plain
from maplet.health.audit.drawing import confirming, if_it_runs
from maplet.health.audit.foreign import is_foreign
from maplet.health.audit.fresh import nudged
from maplet.health.audit.methods import same
from maplet.health.audit.numbers import agrees
from maplet.health.audit.search import repaired
from maplet.health.audit.slopes import contradicted
from maplet.health.audit.squares import mended, squares
from maplet.health.audit.user_errors import of_user, said
from maplet.health.audit.verdict import Finding, Report, Verdict, largest
from maplet.health.audit.words import sentence
from maplet.settings import real, whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from maplet.health.audit.tape import Call, Tape


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

    right = _right(bench)
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
    call = _first_not_finite(recorded.tape, [recorded.loss]) if recorded is not None else None
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


def _first_not_finite(tape: Tape, numbers: Sequence[int]) -> Call | None:
    """The call with which NaN or infinity begins."""
    behind = tape.ancestors(numbers)
    return next((c for c in tape.calls if c.number in behind and not _is_finite(tape.values[c.number])), None)


def _is_finite(value: Any) -> bool:
    return not isinstance(value, np.ndarray | np.generic) or value.dtype.kind != "f" or bool(np.all(np.isfinite(value)))


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


# ── the report ───────────────────────────────────────────────────────────────────────────────────


def judged(benches: Sequence[Bench], beside: Bench, exact: Run, language: str) -> Report:
    """The verdict on every gradient, and on a loss that compares every row with every other.

    Where more of them are right once such a loss is mended, they are the gradients of the mended one.
    """
    if benches[0].opaque or not (numbers := squares(benches[0])):
        return _judged(benches, beside, exact, language)
    other = [bench for each in (*benches, beside) if (bench := mended(each, numbers)) is not None]
    right = _all_right(benches, beside)
    better = _all_right(other[:-1], other[-1]) if len(other) > len(benches) else right
    if len(better) <= len(right):
        findings = tuple(_of_loss(benches[0], number, "", language) for number in numbers)
        return replace(_judged(benches, beside, exact, language), of_loss=findings)
    report = _judged(other[:-1], other[-1], exact, language)
    errors = [_error(b.run.value(o.number), b.expected[o.name]) for b in other for o in b.outputs if o.name in better]
    evidence = sentence(language, "confirmed", {"error": f"{max(errors):.0e}", "inputs": len(benches) - 1})
    findings = tuple(_of_loss(benches[0], number, evidence, language) for number in numbers)
    verdicts = {verdict.name: verdict for verdict in report.verdicts}
    for out in benches[0].outputs:
        if out.name not in right:
            all_of_it = (*findings, *report[out.name].findings)
            verdicts[out.name] = _wrong([beside, *benches[1:]], benches[0], out, all_of_it, language)
    return replace(report, verdicts=tuple(verdicts.values()))


def _of_loss(bench: Bench, number: int, evidence: str, language: str) -> Finding:
    """That two arrays make a square one in the loss."""
    call = bench.calls[number]
    shapes = " and ".join(str(np.shape(bench.run.value(n))) for n in call.operands)
    file, line = (call.lines[-1].file, call.lines[-1].number) if call.lines else ("", 0)
    return Finding(
        Cause.BROADCAST, sentence(language, "broadcast in the loss", {"shapes": shapes}), file, line, evidence
    )


def _all_right(benches: Sequence[Bench], beside: Bench) -> frozenset[str]:
    """The gradients that are right on all inputs.

    At a kink of relu, maximum or abs textbooks differ; so what is right beside the given inputs is right there, too.
    """
    return frozenset.intersection(_right(benches[0]) | _right(beside), *map(_right, benches[1:]))


def _judged(benches: Sequence[Bench], beside: Bench, exact: Run, language: str) -> Report:
    near = [beside, *benches[1:]]
    _require_dependent(near)
    right = _all_right(benches, beside)
    with np.errstate(all="ignore"):  # what an edit makes may be infinite
        chosen = repaired(near[-1], near[:-1]) if len(right) < len(beside.outputs) else []
    bench = benches[0]
    values = bench.values(())
    assert values is not None  # noqa: S101  (nothing is changed)
    verdicts: list[Verdict] = []
    for output in bench.outputs:
        given = values[output.number]
        exactly = plain(exact.gradients[output.name])
        if output.name in right:
            verdicts.append(_not_wrong(bench, output, given, exactly, language))
            continue
        findings = tuple(
            f for edit in chosen if _feeds(bench, edit, output.number) for f in _findings(near, edit, chosen, language)
        )
        verdicts.append(_wrong(near, bench, output, findings, language))
    dtypes = [np.asarray(plain(g)).dtype for g in exact.gradients.values()]
    why = sentence(language, "foreign") if bench.why == "foreign" else bench.why or bench.truth.problem
    remarks = (sentence(language, "differences", {"why": why}),) if bench.truth.problem else ()
    if exact.unpaired:
        what = ", ".join(name or "…" for name in exact.unpaired)
        known = {"what": what, "inputs": ", ".join(exact.inputs)}
        remarks += (sentence(language, "unpaired", known),)
    for name, given in exact.fitted.items():
        remarks += (sentence(language, "fitted", {"given": given, "name": name}),)
    if len(near) == 1:
        remarks += (sentence(language, "unconfirmed"),)
    if exact.nothing:
        remarks += (sentence(language, "none", {"names": ", ".join(exact.nothing)}),)
    return Report(tuple(verdicts), language, str(min(dtypes, key=lambda d: d.itemsize)), remarks)


def _not_wrong(bench: Bench, output: Output, given: Any, exactly: Any, language: str) -> Verdict:
    """Right: in the dtype given, or but for rounding; or but for an ε that the loss adds."""
    expected, remark = bench.expected[output.name], ""
    if np.shape(given) != np.shape(expected):  # an update of the one by the other would make a third shape
        shapes = {"given": np.shape(given), "right": np.shape(expected), "name": output.name}
        remark = sentence(language, "shape", shapes)
    if agrees(given, expected, bench.tolerance):
        error = _error(exactly, expected)
        return Verdict(output.name, "noise" if error > bench.tolerance else "right", error, remark=remark)
    bare = bench.truth.without_small.get(output.wrt)
    if bare is None or not agrees(given, bare, bench.tolerance):
        return Verdict(output.name, "right", 0.0)  # at a kink
    return Verdict(output.name, "right", _error(given, bare), remark=sentence(language, "epsilon"))


def _wrong(
    near: Sequence[Bench], bench: Bench, output: Output, findings: tuple[Finding, ...], language: str
) -> Verdict:
    """Wrong: shown where it is, which may be on other inputs than the given ones alone."""
    name, remark = output.name, ""
    if name in _right(bench) or not np.all(np.isfinite(bench.expected[name])):
        elsewhere = next((each for each in near if name not in _right(each)), bench)
        remark = sentence(language, "elsewhere") if elsewhere is not bench and name in _right(bench) else ""
        bench = elsewhere
    given, expected = np.asarray(bench.run.value(output.number), np.float64), bench.expected[name]
    if not np.all(np.isfinite(given)):
        begin = _first_not_finite(bench.run.tape, [output.number])
        where = f"{begin.kind}, {Path(begin.lines[-1].file).name}:{begin.lines[-1].number}" if begin else ""
        return Verdict(name, "wrong", float("inf"), remark=sentence(language, "not finite", {"where": where}))
    if np.shape(given) != np.shape(expected):
        shapes = {"given": np.shape(given), "right": np.shape(expected), "name": name}
        return Verdict(name, "wrong", float("inf"), findings, (), sentence(language, "shape", shapes))
    if not any(np.any(each.expected[name]) for each in near):
        remark, findings = sentence(language, "no loss"), ()
    return Verdict(name, "wrong", _error(given, expected), findings, tuple(largest(given, expected)), remark)


def _require_dependent(benches: Sequence[Bench]) -> None:
    """That the loss moves with some parameter; what is 0 everywhere is hardly what was meant to be derived."""
    truths = [bench.truth for bench in benches]
    if any(np.any(each) for bench in benches for each in bench.expected.values()):
        return
    if all(truth.reached and not truth.problem for truth in truths) or all(_gives_nothing(b) for b in benches):
        return
    names = ", ".join(benches[0].expected)
    raise GradientError(
        f"the loss does not depend on {names}: there is no gradient to compare with",
        fix="compute the loss from the arguments; int(), round() and comparisons cut it off from them",
    )


def _gives_nothing(bench: Bench) -> bool:
    return not any(np.any(bench.run.value(output.number)) for output in bench.outputs)


def _right(bench: Bench) -> frozenset[str]:
    values = bench.values([])
    assert values is not None  # noqa: S101  (nothing is changed)
    return bench.right(values)


def _feeds(bench: Bench, edit: Edit, number: int) -> bool:
    return not bench.run.tape.ancestors([number]).isdisjoint(edit.numbers)


def _error(given: Any, expected: Any) -> float:
    given, expected = np.asarray(given), np.asarray(expected)
    if np.size(given) != np.size(expected):
        return float("inf")
    size = max(float(np.max(np.abs(expected), initial=0.0)), 1e-8)
    return float(np.max(np.abs(given.reshape(-1) - expected.reshape(-1)), initial=0.0)) / size


def _findings(benches: Sequence[Bench], edit: Edit, chosen: Sequence[Edit], language: str) -> list[Finding]:
    """The causes that an edit stands for, at its line."""
    bench = benches[0]
    file, line = _place(bench, edit)
    errors: list[float] = []
    for each in benches:
        values = each.values(chosen)
        fed = [o for o in each.outputs if _feeds(each, edit, o.number)]
        errors += [_error(values[o.number], each.expected[o.name]) for o in fed] if values is not None else []
    confirmed = sentence(language, "confirmed", {"error": f"{max(errors):.0e}", "inputs": len(benches) - 1})
    evidence = confirmed if max(errors) <= bench.tolerance and edit.causes != (Cause.UNKNOWN,) else ""
    detail = _detail(bench, edit, language)
    words = {cause: sentence(language, edit.detail.get("words", cause), detail) for cause in edit.causes}
    return [Finding(cause, text, file, line, evidence) for cause, text in words.items()]


def _place(bench: Bench, edit: Edit) -> tuple[str, int]:
    """The line of an edit. Where a second variable holds the same value, ``dz = dh``, that one should differ."""
    value = bench.calls[edit.detail.get("alias", edit.numbers[-1])]
    if value.function is same:  # a gradient as it was given
        value = bench.calls[value.operands[0]]
    own = bench.calls[edit.numbers[-1]]
    lines = value.lines or bench.run.tape.made.get(value.number, own.lines)
    if not lines:
        return "", 0
    # A step of a layer's own backward function stands there; a helper with a wrong argument does not have the fault.
    at = 0 if "outer" in edit.detail else -1
    names = "|".join(map(re.escape, bench.run.aliases.get(value.number, ())))
    copied = re.compile(rf"\s*({names})\s*=\s*({names})\s*(#.*)?$")
    copies = [n for n, text in enumerate(linecache.getlines(lines[at].file), 1) if names and copied.match(text)]
    copies = [n for n in copies if n > lines[at].number]
    is_use = "alias" in edit.detail and own.lines and own.function is not same
    return lines[at].file, copies[0] if copies else own.lines[at].number if is_use else lines[at].number


def _detail(bench: Bench, edit: Edit, language: str) -> dict[str, Any]:
    """The details of an edit, with names in the place of numbers of calls."""
    it = sentence(language, "it")

    def name(number: int) -> str:
        call = bench.calls[number]
        found = next((bench.run.names[n] for n in _called(bench, number) if n in bench.run.names), "")
        return found or (f"{call.kind.strip('_')}@{call.lines[0].number}" if call.lines else it)

    given = edit.detail
    used = name(given["used"]) if isinstance(given.get("used"), int) and "right" in given else given.get("used")
    if "reversed" in given:
        used = sentence(language, "reversed", {"of": name(given["right"]), "axis": given["reversed"]})
    axes = given.get("axes")
    if Cause.WRONG_AXIS in edit.causes:
        used, axes = _axes(used, language), _axes(axes, language)
    first, last = given.get("place") or (None, None)
    counts = [_count(n, kind, of, language) for n, kind, of in given.get("counts", ()) if kind not in ("", "number")]
    return {
        "factor": f"{given.get('factor', 1.0):g}",
        "count": ", ".join(counts),
        "first": name(first) if first is not None else it,
        "last": name(last) if last is not None else it,
        "axes": axes,
        "used": used,
        "right": name(given["right"]) if "right" in given else it,
        "shapes": " and ".join(map(str, given.get("shapes", ()))),
        "value": name(given["value"]) if "value" in given else it,
        "other": sentence(language, "that of", {"name": given["other"]}) if given.get("other") else "",
        "line_of_path": _line(bench, given["edge"][0]) if "edge" in given else "",
    }


def _axes(axes: Any, language: str) -> str:
    """Which axes a sum goes over: ``axis 1``, ``all axes``."""
    if axes is None:
        return sentence(language, "all axes")
    return sentence(language, "axis", {"axes": ", ".join(map(str, np.atleast_1d(axes)))})


def _count(number: float, kind: str, of: str, language: str) -> str:
    """How many, of what: ``6, the rows of X``."""
    if kind == "each":
        return sentence(language, kind, {"of": of or sentence(language, "it")})
    many = round(max(number, 1 / number))
    return f"{many}, {sentence(language, kind, {'of': of or sentence(language, 'it')})}"


def _called(bench: Bench, number: int) -> Iterator[int]:
    """Values that may lend a value their name: itself, what it is a part of, one that is the same, or has its bias."""
    yield number
    call = bench.calls[number]
    if call.kind in rearranging:
        yield from call.operands[:1]
    yield _twin(bench, number)
    for taker in bench.calls[number + 1 : bench.forward_end]:
        if taker.kind == "add" and number in taker.operands and np.shape(taker.value) == np.shape(call.value):
            yield taker.number


def _twin(bench: Bench, number: int) -> int:
    """An earlier call with the same value that has a name."""
    value = bench.run.value(number)
    names = bench.run.names
    return next((n for n in names if np.array_equal(bench.run.value(n), value)), -1)


def _line(bench: Bench, number: int) -> str:
    lines = bench.calls[number].lines
    return str(lines[-1].number) if lines else ""
