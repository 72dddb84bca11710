"""Comments that silence the lint: ``# maplet: ignore`` for every rule, ``# maplet: ignore[ML003, ML015]`` for some."""

from __future__ import annotations

import ast
import linecache
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from maplet.health.lint.finding import Finding

comment = re.compile(r"#\s*maplet:\s*ignore(?:\[([\w\s,]*)\])?")


def is_silenced(finding: Finding, caller: tuple[str, int]) -> bool:
    """Whether the statement that a finding is about, or the one that asked for the lint, says to leave it out."""
    return any(_says(finding.code, *place) for place in ((finding.origin.file, finding.origin.line), caller))


def _says(code: str, file: str, line: int) -> bool:
    said = [found[1] for at in _statement(file, line) if (found := comment.search(linecache.getline(file, at)))]
    return any(codes is None or code in {name.strip() for name in codes.split(",")} for codes in said)


def _statement(file: str, line: int) -> Iterable[int]:
    """The lines of the statement in which a line stands; of one with statements within, that line alone."""
    if not file:
        return ()
    try:
        tree = ast.parse("".join(linecache.getlines(file)))
    except (SyntaxError, ValueError):  # a cell of a notebook with magic, or no Python at all
        return (line,)
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt) and not hasattr(node, "body"):
            spanned = range(node.lineno, (node.end_lineno or node.lineno) + 1)
            if line in spanned:
                return spanned
    return (line,)
