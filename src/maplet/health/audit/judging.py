"""From runs to a report: which gradients are right, and what was found of those that are not."""

# What a program of a user's holds, and what NumPy makes of it, may be anything.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false, reportUnknownLambdaType=false

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.errors import GradientError
from maplet.health.audit.causes import Cause
from maplet.health.audit.edits.search import repaired
from maplet.health.audit.findings import findings_of
from maplet.health.audit.numbers import agrees, relative_error
from maplet.health.audit.program.copies import plain
from maplet.health.audit.program.tape import first_not_finite
from maplet.health.audit.squares import mended, squares
from maplet.health.audit.verdict import Finding, Report, Verdict, largest
from maplet.health.audit.words import sentence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maplet.health.audit.edits.bench import Bench, Output
    from maplet.health.audit.program.calling import Run


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
    errors = [
        relative_error(b.run.value(o.number), b.expected[o.name]) for b in other for o in b.outputs if o.name in better
    ]
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
    shapes = sentence(language, "and").join(str(np.shape(bench.run.value(n))) for n in call.operands)
    file, line = (call.lines[-1].file, call.lines[-1].number) if call.lines else ("", 0)
    return Finding(
        Cause.BROADCAST, sentence(language, "broadcast in the loss", {"shapes": shapes}), file, line, evidence
    )


def _all_right(benches: Sequence[Bench], beside: Bench) -> frozenset[str]:
    """The gradients that are right on all inputs.

    At a kink of relu, maximum or abs textbooks differ; so what is right beside the given inputs is right there, too.
    """
    return frozenset.intersection(
        benches[0].right_as_given | beside.right_as_given, *(bench.right_as_given for bench in benches[1:])
    )


def _judged(benches: Sequence[Bench], beside: Bench, exact: Run, language: str) -> Report:
    near = [beside, *benches[1:]]
    _require_dependent(near)
    right = _all_right(benches, beside)
    with np.errstate(all="ignore"):  # what an edit makes may be infinite
        chosen = repaired(near[-1], near[:-1]) if len(right) < len(beside.outputs) else []
    bench = benches[0]
    verdicts: list[Verdict] = []
    for output in bench.outputs:
        given = bench.run.value(output.number)
        exactly = plain(exact.gradients[output.name])
        if output.name in right:
            verdicts.append(_not_wrong(bench, output, given, exactly, language))
            continue
        findings = tuple(
            f for edit in chosen if bench.feeds(edit, output.number) for f in findings_of(near, edit, chosen, language)
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
    behind = bench.run.tape.ancestors([bench.run.loss])
    left_out = [name for name in exact.left_out if bench.run.inputs.get(name) in behind]
    if left_out:
        remarks += (sentence(language, "left out", {"names": ", ".join(left_out)}),)
    return Report(tuple(verdicts), language, str(min(dtypes, key=lambda d: d.itemsize)), remarks)


def _not_wrong(bench: Bench, output: Output, given: Any, exactly: Any, language: str) -> Verdict:
    """Right: in the dtype given, or but for rounding; or but for an ε that the loss adds."""
    expected, remark = bench.expected[output.name], ""
    if np.shape(given) != np.shape(expected):  # an update of the one by the other would make a third shape
        shapes = {"given": np.shape(given), "right": np.shape(expected), "name": output.name}
        remark = sentence(language, "shape", shapes)
    if agrees(given, expected, bench.tolerance):
        error = relative_error(exactly, expected)
        return Verdict(output.name, "noise" if error > bench.tolerance else "right", error, remark=remark)
    bare = bench.truth.without_small.get(output.wrt)
    if bare is None or not agrees(given, bare, bench.tolerance):
        return Verdict(output.name, "right", 0.0)  # at a kink
    return Verdict(output.name, "right", relative_error(given, bare), remark=sentence(language, "epsilon"))


def _wrong(
    near: Sequence[Bench], bench: Bench, output: Output, findings: tuple[Finding, ...], language: str
) -> Verdict:
    """Wrong: shown where it is, which may be on other inputs than the given ones alone."""
    name, remark = output.name, ""
    if name in bench.right_as_given or not np.all(np.isfinite(bench.expected[name])):
        elsewhere = next((each for each in near if name not in each.right_as_given), bench)
        remark = sentence(language, "elsewhere") if elsewhere is not bench and name in bench.right_as_given else ""
        bench = elsewhere
    given, expected = np.asarray(bench.run.value(output.number), np.float64), bench.expected[name]
    if not np.all(np.isfinite(given)):
        begin = first_not_finite(bench.run.tape, [output.number])
        where = f"{begin.kind}, {Path(begin.lines[-1].file).name}:{begin.lines[-1].number}" if begin else ""
        return Verdict(name, "wrong", float("inf"), remark=sentence(language, "not finite", {"where": where}))
    if np.shape(given) != np.shape(expected):
        shapes = {"given": np.shape(given), "right": np.shape(expected), "name": name}
        return Verdict(name, "wrong", float("inf"), findings, (), sentence(language, "shape", shapes))
    if not any(np.any(each.expected[name]) for each in near):
        remark, findings = sentence(language, "no loss"), ()
    return Verdict(name, "wrong", relative_error(given, expected), findings, tuple(largest(given, expected)), remark)


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
