"""The command line: ``maplet train``, ``maplet predict``, ``maplet show``."""

from __future__ import annotations

from maplet.cli.main import main

__all__ = ["main"]
