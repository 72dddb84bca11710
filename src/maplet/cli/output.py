"""Results: tables on standard output, aligned and coloured on a terminal, plain text elsewhere; and the files of -o."""

from __future__ import annotations

import shlex
from contextlib import suppress
from math import isfinite, prod
from typing import TYPE_CHECKING, Any

import click
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from maplet.bilingual import Bilingual
from maplet.cli.streams import say
from maplet.data.output import require_output
from maplet.errors import DataError
from maplet.messages import counted
from maplet.nn.summary import in_short
from maplet.train.formatting import short_number
from maplet.train.metrics import higher_is_better
from maplet.train.reading import is_number, run_that_wrote
from maplet.train.report.words import Words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from maplet.nn.summary import Row
    from maplet.train.job import Outcome
    from maplet.train.problems import Problem

Metrics = dict[str, dict[str, float]]


room = 10_000
"""Characters: tables are as wide as their numbers need, for a number that is cut off is a wrong one."""


def require_place(path: Path, read: Iterable[Path] = ()) -> None:
    """Refuse, before anything is computed, a file of ``-o`` that is one of what is read, or belongs to a run.

    Raises
    ------
    DataError
        So, or if it cannot be written to.
    """
    run = None
    with suppress(OSError, RuntimeError, ValueError):  # of such a path `require_output` says what is wrong
        run = run_that_wrote(path.resolve())
    if run is not None:
        raise DataError(
            f"cannot write {path}: it belongs to the run {run}",
            fix=f"name another file, such as {path.stem}-new{path.suffix}",
        )
    require_output(path, read)


def number(value: Any) -> str:
    """A number as people read it; text and missing values as they are."""
    return short_number(value) if is_number(value) else visible("–" if value is None else str(value))


def visible(text: str) -> str:
    """Text without characters that could move the cursor or colour the terminal: they are written as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def print_network(rows: Sequence[Row], language: str = "en") -> None:
    """A network layer by layer, and its size."""
    words, cells = Words(language), [row.cells() for row in rows]
    shown = [name for name in cells[0] if name in ("layer", "type") or any(row[name] for row in cells)]
    table = Table(title=Bilingual("network", "网络").speak(language), title_justify="left")
    for name in shown:
        table.add_column(words.name(name), justify="right" if name in ("parameters", "FLOPs") else "left")
    for row in cells:
        table.add_row(*(Text(visible(words.name(row[name]) if name == "trained" else row[name])) for name in shown))
    Console(width=room).print(table)
    size = sum(row.parameters for row in rows)
    click.echo(Bilingual(counted(size, "parameter"), f"共 {size:,} 个参数").speak(language), nl=False)
    flops = sum(row.flops for row in rows)
    cost = in_short(flops, "FLOPs")
    per_row = Bilingual(f"; {cost} for a row, where a multiply-add is two", f"；一行数据 {cost}（一次乘加计为两次）")
    click.echo(per_row.speak(language) if flops else "")


def print_settings(settings: Mapping[str, str], language: str = "en") -> None:
    """What a run was asked for, a line each."""
    click.echo(Bilingual("\nsettings", "\n设置").speak(language))
    for key, value in settings.items():
        name = visible(Words(language).name(key))
        click.echo(f"  {name}{' ' * (16 - cell_len(name))} {visible(value)}")  # Chinese is two columns wide


def print_metrics(metrics: Metrics, language: str = "en") -> None:
    """The test metrics of every model side by side, the best of each in bold."""
    words = Words(language)
    table = Table(title=Bilingual("on the test part", "测试集指标").speak(language), title_justify="left")
    table.add_column(Bilingual("metric", "指标").speak(language))
    for model in metrics:
        table.add_column(Text(visible(words.name(model))), justify="right")
    for name in dict.fromkeys(name for found in metrics.values() for name in found):
        values = [found.get(name) for found in metrics.values()]
        known = [value for value in values if value is not None and isfinite(value)]
        # What a job reports is all of known direction.
        best = (max if higher_is_better(name) else min)(known, default=None)
        cells = [Text(number(v), "bold green" if v is not None and v == best else "") for v in values]
        table.add_row(Text(visible(words.name(name))), *cells)
    Console(width=room).print(table)


def print_history(history: list[dict[str, Any]], language: str = "en", most: int = 20) -> None:
    """The epochs, the middle ones left out where there are many."""
    if not history:
        return
    count = len(history)
    title = Bilingual(f"history, {counted(count, 'epoch')}", f"训练历史，共 {count} 轮").speak(language)
    table, names = Table(title=title, title_justify="left"), list(history[-1])
    for name in names:
        table.add_column(Text(visible(Words(language).name(name))), justify="right")
    shown = history if len(history) <= most else [*history[: most // 2], None, *history[-most // 2 :]]
    for record in shown:
        table.add_row(*(Text("…" if record is None else number(record.get(name, ""))) for name in names))
    Console(width=room).print(table)


def describe_problem(problem: Problem, language: str = "en") -> str:
    """One line on what was decided about the data: rows, split, task, inputs."""
    words, facts, classes = Words(language), problem.facts, problem.preprocessing.classes
    parts = " + ".join(f"{count:,} {words.name(name)}" for name, count in facts["split"].items())
    task, target = words.name(problem.task), problem.preprocessing.target.name
    inputs = prod(problem.train[0].shape[1:])
    goal = (
        Bilingual(f"{task}, {len(classes)} classes", f"{task}，{len(classes)} 类")
        if classes
        else Bilingual(f"{task} of {target}", f"{target} 的{task}")
    ).speak(language)
    return Bilingual(
        f"{problem.name}: {parts} rows · {goal} · {counted(inputs, 'input')}",
        f"{problem.name}：{parts}（行）· {goal} · {inputs:,} 个输入",
    ).speak(language)


def print_outcome(outcome: Outcome, place: Path, language: str = "en") -> None:
    """What came out, how training ended and where everything is."""
    run = outcome.run
    print_metrics(outcome.metrics, language)
    _warn_if_useless(outcome.metrics, language)
    best, count = run.best_epoch, len(run.history)
    kept = Bilingual("the last weights", "最后的权重")
    if best:
        kept = Bilingual(f"the weights of epoch {best} of {count}", f"第 {best} 轮（共 {count} 轮）的权重")
    holds = Bilingual(f"{place} holds the run, with {kept}", f"训练保存在 {place}，其中是{kept.zh}")
    again = Bilingual(
        "interrupted; nothing is lost: the same command with --resume goes on",
        "已中断；没有丢失任何东西：用同样的命令加上 --resume 可以继续",
    )
    shown = shlex.join(["maplet", "show", str(place)])
    look = Bilingual(f"look at {place / 'report.html'}, or: {shown}", f"请看 {place / 'report.html'}，或运行：{shown}")
    click.echo(holds.speak(language))
    click.echo((again if outcome.interrupted else look).speak(language))


def _warn_if_useless(metrics: Metrics, language: str) -> None:
    """A network that knows less than the trivial answer was not trained well; better to say so."""
    for name, value in metrics["network"].items():
        trivial = metrics.get("baseline", {}).get(name, value)
        if value < trivial if higher_is_better(name) else value > trivial:  # NaN is neither
            warning = Bilingual(
                f"warning: by {name} the network is worse than the trivial baseline; "
                "try another learning rate, more epochs, or a smaller network",
                f"警告：按{Words('zh').name(name)}，网络还不如平凡基线；请换学习率、增加轮数，或用更小的网络",
            )
            say(warning.speak(language))
            return
