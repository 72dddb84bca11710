"""The command line: ``maplet train``, ``maplet predict``, ``maplet show``, ``maplet explain``, ``maplet ir``."""

from __future__ import annotations

from maplet.cli.main import main

__all__ = ["main"]
