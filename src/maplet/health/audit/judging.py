"""From runs to a report: run, check that the recording is true, search, and put into words."""

# What a program of a user's holds, and what NumPy makes of it, may be anything.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false, reportUnknownLambdaType=false

from __future__ import annotations

import linecache
import re
import sysconfig
from dataclasses import replace
from pathlib import Path
from traceback import walk_tb
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from maplet.core.context import package_folder
from maplet.errors import GradientError, MapletError
from maplet.health.audit.bench import Bench, Edit, Output, rearranging
from maplet.health.audit.calling import Run, Subject, arrays_of, run
from maplet.health.audit.causes import Cause
from maplet.health.audit.copies import plain
from maplet.health.audit.foreign import is_foreign
from maplet.health.audit.fresh import fresh, nudged
from maplet.health.audit.lines import numpy_folder
from maplet.health.audit.methods import same
from maplet.health.audit.numbers import agrees
from maplet.health.audit.search import repaired
from maplet.health.audit.squares import mended, squares
from maplet.health.audit.verdict import Finding, Report, Verdict, largest
from maplet.health.audit.words import sentence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

T = TypeVar("T")
libraries = (numpy_folder, sysconfig.get_paths()["stdlib"])
others = 2  # how many random inputs besides the given ones
tries = 8  # how many are drawn for one that can be used


def prepared(subject: Subject, tolerance: float, rng: np.random.Generator) -> tuple[list[Bench], Bench, Run]:
    """Benches on the given inputs and on others, one beside the given, and the run with the arrays as they are."""
    first, again = (of_user(lambda: run(subject, recorded=False)) for _ in range(2))
    _require_steady(first, again)
    arrays = arrays_of(subject)
    wide = {name: np.asarray(a, np.float64) if np.asarray(a).dtype.kind == "f" else a for name, a in arrays.items()}
    try:
        recorded, why = run(subject), ""
    except Exception as error:  # noqa: BLE001  (the program runs with plain arrays: what it does with recorded ones is its right)
        foreign = any(is_foreign(array) for array in subject.args)
        recorded, why = None, "foreign" if foreign else f"{type(error).__name__}: {error}"
    _require_finite(first, recorded)
    faithful = recorded is not None and _is_faithful(recorded, run(subject, wide, recorded=False))
    if recorded is not None and not faithful:
        why = f"a value leaves NumPy at {recorded.tape.lost[0]}" if recorded.tape.lost else "its values differ"

    def on(values: Mapping[str, Any]) -> Run:
        return run(subject, values, recorded=faithful)

    def bench(done: Run) -> Bench:
        found = Bench(done, tolerance)
        found.why = why
        return found

    here, wrt = on(wide), set(first.gradients)
    moved = [usable(here, lambda labels: on(fresh(wide, wrt, rng, labels=labels))) for _ in range(others)]
    beside = on(nudged(wide, wrt, rng))
    return [bench(each) for each in (here, *moved)], bench(beside), first


def usable(here: Run, draw: Callable[[bool], Run]) -> Run:
    """A run on other inputs that makes the same calls, with a loss that is a number; with the same labels if need be.

    Edits speak of calls by number. Labels in another order may take other branches; and a probability may be 0 or 1 up
    to rounding on numbers that are too large.
    """
    for n in range(tries):
        found = draw(n < tries // 2)
        if np.isfinite(np.sum(found.value(found.loss))) and _steps(found) == _steps(here):
            return found
    return draw(False)


def _steps(done: Run) -> list[Any]:
    return [(call.kind, call.lines) for call in done.tape.calls]


def of_user(function: Callable[[], T]) -> T:
    """Run the user's own code; an error in it is told as such."""
    try:
        return function()
    except MapletError:
        raise
    except Exception as error:
        places = [(f.f_code.co_filename, line) for f, line in walk_tb(error.__traceback__)]
        theirs = [(file, line) for file, line in places if not file.startswith((package_folder, *libraries))]
        if isinstance(error, SyntaxError):
            theirs = [(error.filename or "", error.lineno or 0)]
        where = f"{Path(theirs[-1][0]).name}:{theirs[-1][1]}" if theirs else None
        raise GradientError(f"the audited code raises {type(error).__name__}: {error}", where=where) from error


def _require_finite(first: Run, recorded: Run | None) -> None:
    """A loss that is NaN or infinite has no gradient to compare with; where that begins is what is wrong."""
    loss = float(np.sum(first.value(first.loss)))
    if np.isfinite(loss):
        return
    where, what = None, "and"
    behind = recorded.tape.ancestors([recorded.loss]) if recorded is not None else set[int]()
    names = {number: name for name, number in recorded.inputs.items()} if recorded is not None else {}
    for call in recorded.tape.calls if recorded is not None else ():
        if call.number in behind and not _is_finite(call.value):
            if call.function is None:
                name = names.get(call.number, "an array")
                what = f"as {name} is already, and"
            elif call.lines:
                where = f"{Path(call.lines[-1].file).name}:{call.lines[-1].number}"
                what = f"which begins with {call.kind} there, and"
            break
    raise GradientError(
        f"the loss is {loss}, {what} has no gradient to compare with",
        fix="mend the forward pass first, or give other numbers (no logarithm of 0, no overflow of exp)",
        where=where,
    )


def _is_finite(value: Any) -> bool:
    return not isinstance(value, np.ndarray | np.generic) or value.dtype.kind != "f" or bool(np.all(np.isfinite(value)))


def _require_steady(first: Run, again: Run) -> None:
    a, b = float(np.sum(first.value(first.loss))), float(np.sum(again.value(again.loss)))
    pairs = [("the loss", a, b)]
    for name, gradient in first.gradients.items():
        other = again.gradients.get(name)
        if other is not None and np.shape(plain(gradient)) == np.shape(plain(other)):
            one, two = plain(gradient).reshape(-1), plain(other).reshape(-1)
            at = int(np.argmax(np.abs(one - two))) if one.size else 0
            pairs += [(f"the gradient of {name}", float(one[at]), float(two[at]))] if one.size else []
    for what, one, two in pairs:
        if one != two and not (np.isnan(one) and np.isnan(two)):
            raise GradientError(
                f"the functions are not deterministic: {what} is {one!r} in one call and {two!r} in the next",
                fix="give random draws (a dropout mask, noise) as arguments, or seed them inside of the function",
            )


def _is_faithful(recorded: Run, exact: Run) -> bool:
    """Whether the recording gives what the program gives with plain arrays, and knows where it comes from."""
    if not agrees(recorded.value(recorded.loss), exact.value(exact.loss), 1e-6):
        return False
    if set(recorded.gradients) != set(exact.gradients):
        return False
    for name, gradient in exact.gradients.items():
        found = recorded.gradients[name]
        if np.shape(plain(found)) != np.shape(plain(gradient)) or not np.allclose(
            plain(found), plain(gradient), rtol=1e-3, atol=1e-5, equal_nan=True
        ):
            return False
    behind = recorded.tape.ancestors([recorded.loss])
    return not recorded.tape.lost or all(recorded.inputs[name] in behind for name in recorded.gradients)


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
            verdicts[out.name] = _wrong(benches[0], out, benches[0].run.value(out.number), all_of_it, language)
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
        shown = next((b for b in benches if output.name not in _right(b)), bench)
        verdicts.append(_wrong(shown, output, shown.run.value(output.number), findings, language))
        if shown is not bench:
            verdicts[-1] = replace(verdicts[-1], remark=sentence(language, "hidden"))
    dtypes = [np.asarray(plain(g)).dtype for g in exact.gradients.values()]
    why = sentence(language, "foreign") if bench.why == "foreign" else bench.why or bench.truth.problem
    remarks = (sentence(language, "differences", {"why": why}),) if bench.truth.problem else ()
    if exact.unpaired:
        what = ", ".join(name or "…" for name in exact.unpaired)
        known = {"what": what, "inputs": ", ".join(exact.inputs)}
        remarks += (sentence(language, "unpaired", known),)
    if exact.nothing:
        remarks += (sentence(language, "none", {"names": ", ".join(exact.nothing)}),)
    return Report(tuple(verdicts), language, str(min(dtypes, key=lambda d: d.itemsize)), remarks)


def _wrong(bench: Bench, output: Output, given: Any, findings: tuple[Finding, ...], language: str) -> Verdict:
    """Wrong, with the entries that are furthest off."""
    expected, remark = bench.expected[output.name], ""
    differences: Sequence[Any] = ()
    if np.shape(given) == np.shape(expected):
        differences = largest(np.asarray(given, np.float64), expected)
    else:
        shapes = {"given": np.shape(given), "right": np.shape(expected), "name": output.name}
        remark = sentence(language, "shape", shapes)
    return Verdict(output.name, "wrong", _error(given, expected), findings, tuple(differences), remark)


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
