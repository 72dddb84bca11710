"""Comments that silence the lint: ``# maplet: ignore`` for every rule, ``# maplet: ignore[ML003, ML015]`` for some."""

from __future__ import annotations

import ast
import io
import linecache
import re
import tokenize
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from maplet.health.lint.finding import Finding

request = re.compile(r"#\s*maplet:\s*ignore(\[[^\]]*\])?(?=\s|$)")


def is_silenced(finding: Finding, caller: tuple[str, int]) -> bool:
    """Whether the statement that a finding is about, or the one that asked for the lint, says to leave it out."""
    return any(_says(finding.code, *place) for place in ((finding.origin.file, finding.origin.line), caller))


def _says(code: str, file: str, line: int) -> bool:
    requests = filter(None, map(request.search, _comments(file, _statement(file, line))))
    return any(found[1] is None or code in re.findall(r"\w+", found[1].upper()) for found in requests)


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


def _comments(file: str, lines: Iterable[int]) -> Iterator[str]:
    """The comments on some lines; what only looks like one stands within a string."""
    text = "".join(linecache.getline(file, line).lstrip() for line in lines)
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                yield token.string
    except (SyntaxError, tokenize.TokenError):  # a line alone may be the beginning of something
        return
