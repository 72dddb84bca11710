"""The language in which a command speaks: one option for all of them. Errors are English."""

from __future__ import annotations

import click

from maplet.bilingual import languages

language = click.option(
    "--language", type=click.Choice(languages), default="en", show_default=True, help="Of what is said."
)
