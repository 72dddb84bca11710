"""Findings: the edits that mend a backward pass, put into words."""

# What a program of a user's holds, and what NumPy makes of it, may be anything.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false, reportUnknownLambdaType=false

from __future__ import annotations

import linecache
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.health.audit.causes import Cause
from maplet.health.audit.edits.bench import Bench, rearranging
from maplet.health.audit.numbers import relative_error
from maplet.health.audit.program.methods import same
from maplet.health.audit.verdict import Finding
from maplet.health.audit.words import sentence

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from maplet.health.audit.edits.edit import Edit


def findings_of(benches: Sequence[Bench], edit: Edit, chosen: Sequence[Edit], language: str) -> list[Finding]:
    """The causes that an edit stands for, at its line."""
    bench = benches[0]
    file, line = _place(bench, edit)
    errors: list[float] = []
    for each in benches:
        values = each.values(chosen)
        fed = [o for o in each.outputs if each.feeds(edit, o.number)]
        errors += [relative_error(values[o.number], each.expected[o.name]) for o in fed] if values is not None else []
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
        "shapes": sentence(language, "and").join(map(str, given.get("shapes", ()))),
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
    many = round(max(number, 1 / number)) if number else 0  # of several numbers in an array none is said
    return sentence(language, kind, {"many": many, "of": of or sentence(language, "it")})


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
