"""Comments that silence the lint: ``# maplet: ignore`` for every rule, ``# maplet: ignore[ML003, ML015]`` for some."""

from __future__ import annotations

import linecache
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from maplet.health.lint.finding import Finding

comment = re.compile(r"#\s*maplet:\s*ignore(?:\[([\w\s,]*)\])?")


def is_silenced(finding: Finding, caller: tuple[str, int]) -> bool:
    """Whether the line that a finding is about, or the one that asked for the lint, says to leave it out."""
    return any(_says(finding.code, *place) for place in ((finding.origin.file, finding.origin.line), caller))


def _says(code: str, file: str, line: int) -> bool:
    found = comment.search(linecache.getline(file, line)) if file else None
    return found is not None and (found[1] is None or code in {name.strip() for name in found[1].split(",")})
