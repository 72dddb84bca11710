"""`lint`: what is likely to go wrong in training, read off the training graph before the first step."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from maplet.core.context import Origin, thread, user_line
from maplet.errors import SettingError, ShapeError
from maplet.health.lint import rules as _rules
from maplet.health.lint.finding import Finding, rules
from maplet.health.lint.rules.normalization import batch_normalizations, one_row
from maplet.health.lint.silence import is_silenced
from maplet.health.lint.subject import Subject, subject_of
from maplet.health.rules import Rule
from maplet.messages import shown, suggest
from maplet.nn import Module
from maplet.nn.losses import losses
from maplet.optim import Optimizer
from maplet.settings import whole
from maplet.transforms.blas import one_blas_thread

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Finding", "Rule", "lint", "rules"]


def lint(
    net: Module | Callable[..., Any],
    loss: str | Callable[..., Any] | None = None,
    batch: Any = (),
    *,
    optimizer: Optimizer | None = None,
    batch_size: int | None = None,
) -> list[Finding]:
    """Look at what is to be trained, before the first step, and name what is likely to go wrong.

    The training graph (forward pass, loss, backward pass) is read, and computed once on one batch where that is quick.
    Nothing is changed: no weight, no running average, no random generator. `fit` does this by itself.
    ``docs/lint.md`` explains every rule. A comment ``# maplet: ignore`` or ``# maplet: ignore[ML003]`` on the line that
    a finding names, or on the one that calls `lint` or `fit`, silences it.

    Parameters
    ----------
    net
        The network, as it is before training.
    loss
        ``loss(prediction, target) → number``, or its name. Without it, ``net`` is a function whose value is the loss,
        ``batch`` holds its arguments, and the first of these is what is trained, as in `mp.grad`.
    batch
        ``(x, y)`` or ``(x, y, weights)``, as for `fit`: one batch, or all data.
    optimizer
        What is to move the parameters; then its learning rate is looked at too.
    batch_size
        How many rows of the data make a batch; all of them by default.

    Returns
    -------
    What was found, in the order of the codes; empty for a net with which all is well, as far as the rules know.

    Raises
    ------
    SettingError
        If the first argument is neither a module nor a function, or there is no such loss.
    ShapeError, DTypeError, DataError …
        What the net and the loss raise for this batch.

    Examples
    --------
    >>> import maplet as mp
    >>> from maplet import nn
    >>> net = nn.Sequential(nn.Linear(2, 3, rng=0), nn.Sigmoid())
    >>> for finding in mp.lint(net, "mse", ([[0.0, 1.0], [1.0, 0.5]], [[2.0, 0.0, 1.0], [3.0, 0.0, 1.0]])):
    ...     print(finding.code, finding.message)
    ML012 2 of 6 targets cannot be reached: they go from 0 to 3, the output of the net from 0 to 1
    """
    caller = user_line()
    if batch_size is not None:
        batch_size = whole("batch_size", batch_size, least=1)
    if optimizer is not None and not isinstance(optimizer, Optimizer):  # pyright: ignore[reportUnnecessaryIsInstance]  (callers without a checker)
        raise SettingError(f"optimizer={shown(optimizer)}: expected an optimizer", fix="such as optim.SGD(0.1)")
    watch, thread.watch = thread.watch, None  # `mp.debug` is about what is trained, not about what is looked at
    try:
        with one_blas_thread(), np.errstate(all="ignore"):  # what is infinite or NaN is looked for
            subject = _subject(net, loss, batch, optimizer, batch_size)
            found = [subject] if isinstance(subject, Finding) else rules.said_of(subject)
    finally:
        thread.watch = watch
    return [_placed(finding, caller) for finding in _distinct(found) if not is_silenced(finding, caller)]


def _subject(net: Any, loss: Any, batch: Any, optimizer: Optimizer | None, batch_size: int | None) -> Subject | Finding:
    """What the rules look at; where it cannot be traced for a reason that a rule names, that finding."""
    parts: tuple[Any, ...] = tuple(cast("Any", batch)) if isinstance(batch, tuple | list) else ()
    if loss is None:
        if not callable(net) or not parts:
            raise SettingError(
                "the lint takes a net, a loss and a batch",
                fix="mp.lint(net, nn.cross_entropy, (x, y)), or mp.lint(f, batch=(trained, …)) for a function f",
            )
        return Subject(net, parts[0], parts[1:], optimizer=optimizer)
    if not isinstance(net, Module) or not 2 <= len(parts) <= 3:
        raise SettingError(
            "the lint takes a net, a loss and a batch (x, y)",
            fix="mp.lint(net, nn.cross_entropy, (x, y)), or mp.lint(f, batch=(trained, …)) for a function f",
        )
    if isinstance(loss, str):
        if loss not in losses:
            raise SettingError(f"there is no loss {loss!r}", fix=suggest(loss, losses, kind="losses"))
        loss = losses[loss]
    if not callable(loss):
        raise SettingError(
            f"loss={shown(loss)}: expected a function of prediction and target, or a name", fix='such as "mse"'
        )
    modes = [(module, module.training) for module in net.modules().values()]
    net.train()
    try:
        return subject_of(net, loss, parts, batch_size=batch_size, optimizer=optimizer)
    except ShapeError:
        layers = batch_normalizations(net)
        if layers and len(parts[0]) == 1:
            return rules["ML010"].named(one_row(layers[0], last=False))
        raise
    finally:
        for module, training in modes:
            module.training = training


def _placed(finding: Finding, caller: tuple[str, int]) -> Finding:
    """With the line that asked for the lint, where the finding is about the whole; a command has no such line."""
    is_program = caller[0].endswith(".py")
    return replace(finding, origin=Origin(*caller)) if is_program and not finding.where else finding


def _distinct(found: list[Finding]) -> list[Finding]:
    """Each finding once: one line that is run for every layer of a kind says it once."""
    seen: dict[tuple[str, str, str], Finding] = {}
    for finding in found:
        seen.setdefault((finding.code, finding.message, finding.where), finding)
    return list(seen.values())


assert _rules  # noqa: S101  (importing them is what enters them into the registry)
