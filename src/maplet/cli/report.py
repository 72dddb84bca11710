"""``maplet report``: all that is known of a run, as one page."""

from __future__ import annotations

from pathlib import Path

import click

from maplet.cli.language import language
from maplet.cli.output import require_place
from maplet.data.output import write_output
from maplet.train.report import report_html
from maplet.train.report.gathering import report_data, write_report
from maplet.train.run_directory import require_report


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="The file.  [default: RUN/report.html]")
@language
@click.option("--row", type=int, default=0, show_default=True, help="The row of the training part that is worked.")
def report(*, run: Path, output: Path | None, language: str, row: int) -> None:
    """Write the report of RUN: one HTML file that needs nothing else, and print its path.

    It shows the test metrics, the curves, what the lint and the doctor found, the predictions, a row of the training
    data worked through the network and back, both graphs folded by layer, and all that is needed to repeat the run.
    """
    if output is None or output.absolute() == (run / "report.html").absolute():
        click.echo(write_report(run, language=language, row=row))
        return
    require_place(output)
    if output.is_file():
        require_report(output)
    write_output(output, report_html(report_data(run, language=language, row=row), language))
    click.echo(output)
