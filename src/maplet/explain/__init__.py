"""The glass: see what a program computes, and every step of its backpropagation.

The room is called like its function: ``mp.explain(f, x)`` is `maplet.explain.derivation.explain`, and
``maplet.explain.derivation`` a file in it. Python binds a package to its name in the package around it, so the module
itself can be called.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from maplet.explain.derivation import explain

if TYPE_CHECKING:
    from collections.abc import Callable

    from maplet.explain.derivation import Derivation


class _Room(ModuleType):
    """A module that can be called."""

    def __call__(self, f: Callable[..., Any], *args: Any, language: str = "en") -> Derivation:
        return explain(f, *args, language=language)


sys.modules[__name__].__class__ = _Room
