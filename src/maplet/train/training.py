"""The loop over mini-batches, and everything that decides what comes next: what a checkpoint must hold."""

from __future__ import annotations

import hashlib
import logging
import math
import time
from contextlib import closing, suppress
from functools import partial
from inspect import signature
from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.bilingual import Bilingual
from maplet.core.tree import leaves
from maplet.core.types import kind_of
from maplet.errors import CheckpointError, MapletError, NonFiniteError, SettingError
from maplet.health.doctor.recorded import Failure
from maplet.health.lint import lint
from maplet.messages import suggest
from maplet.nn.losses import losses
from maplet.train.callbacks import Callback
from maplet.train.descent import Descent
from maplet.train.failure import Beginning, explained
from maplet.train.interruption import Interruption
from maplet.train.names import named
from maplet.train.reading import history
from maplet.train.run import (
    Run,
    architecture,
    kept_findings,
    predict,
    predict_batch,
    read_history,
    restored,
    take_up_findings,
)
from maplet.train.stepping import Stepping
from maplet.train.storage import damaged, exists
from maplet.train.watching import Watching

if TYPE_CHECKING:
    from collections.abc import Callable

    from maplet.core.array import Array
    from maplet.nn import Module
    from maplet.optim import Optimizer
    from maplet.train.diagnosing import Diagnosing
    from maplet.train.inputs import Samples
    from maplet.train.progress import Progress
    from maplet.train.run_directory import Existing, RunDirectory
    from maplet.train.source import Source

logger = logging.getLogger("maplet")

seconds_between_checkpoints = 20.0
interrupted = "interrupted"  # the reason to stop that a resumed run forgets


class Training:
    """One run of `fit`: the data, the loop over it, and what must survive a kill."""

    def __init__(
        self,
        net: Module,
        source: Source,
        loss: str | Callable[..., Array],
        optimizer: Optimizer,
        *,
        batch_size: int,
        seed: int,
        chunks: int = 1,
    ) -> None:
        self.run = Run(net, optimizer)
        self.net = net
        self.source = source
        self.loss = loss_function(loss)
        self.optimizer = optimizer
        self.stepping = Stepping(net, optimizer, self.loss, chunks)
        self.chunks = chunks
        self.batch_size = batch_size
        self.seed = seed
        self.validation: Samples | None = None
        self.metrics: dict[str, Callable[..., float]] = {}
        self.callbacks: list[Callback] = []
        self.lint = True
        self.language = "en"  # of what is said meanwhile
        self.diagnosing: Diagnosing | None = None  # where the doctor is asked
        self.watching = Watching(self.run, 0)
        self.beginning: Beginning | None = None  # of the epoch, where steps are watched
        self.descent = Descent(self.run, source, self.stepping, self.watching, batch_size, self._count)
        self.directory: RunDirectory | None = None
        self.total = self.total_weight = self.seconds = 0.0  # of the epoch so far
        self.saved_at = time.monotonic()
        net.reseed(seed)
        if optimizer.state is None:
            optimizer.init(net)

    # ── the loop ─────────────────────────────────────────────────────────────────────────────────

    def train(self, epochs: int, display: Progress) -> None:
        """Go on from where the run stands until all epochs are done, or something says stop."""
        run = self.run
        run.planned = epochs
        self._tell("on_start")
        with Interruption() as interruption:
            if not run.history and not run.step:
                self._lint()
                self._save()
            display.start(epochs, self.source.steps, len(run.history) + 1, run.step)
            while len(run.history) < epochs and not run.stop_reason:
                if not self._epoch(interruption, display):
                    run.stop(interrupted)
                    break
            self._save()
        self._tell("on_end")
        display.finish(run.stop_reason)
        self.net.eval()
        if self.diagnosing is not None:
            self.diagnosing.at_the_end()
        if run.directory is not None:
            run.save_model(run.directory / "model")

    def _lint(self) -> None:
        """Say what is likely to go wrong, before the first step; it begins all the same."""
        known = self.source.known()
        if not self.lint or known is None:
            return
        with suppress(MapletError):  # what the net and the loss refuse, the first step refuses
            self.run.findings = lint(
                self.net, self.loss, known.parts(), optimizer=self.optimizer, batch_size=self.batch_size
            )
            self.run.linted = True
        for finding in self.run.findings:
            logger.warning("%s", finding.text(self.language))

    def _epoch(self, interruption: Interruption, display: Progress) -> bool:
        """One pass over the data, from the step at which it stands; False if it was interrupted."""
        run = self.run
        run.epoch = len(run.history) + 1
        began = time.monotonic() - self.seconds
        self.net.train()
        if self.watching.every:
            self.beginning = Beginning(self.net, self.optimizer, run.step)
        with closing(self.source.stretches(run.epoch)) as stretches:
            for stretch in stretches:
                each = any(watches_steps(callback) for callback in self.callbacks)
                for _ in self.descent.steps(stretch, each=each):
                    self.seconds = time.monotonic() - began
                    display.step(run.epoch, run.step, run.loss)
                    self._tell("on_step")
                    if interruption.asked or run.stop_reason:
                        return not interruption.asked
                    if time.monotonic() - self.saved_at > seconds_between_checkpoints:
                        self._save()
                del stretch  # its samples may be a block that makes room for another
        display.know(run.step)
        self._finish_epoch(time.monotonic() - began, display)
        return not interruption.asked

    def _count(self, loss: float, weight: float) -> None:
        self.run.loss = loss
        if not math.isfinite(loss):
            epoch, step = self.run.epoch, self.run.step + 1
            self._fail(
                Bilingual(
                    f"the loss is {loss} in epoch {epoch}, step {step}", f"第 {epoch} 轮第 {step} 步的损失是 {loss}"
                )
            )
        self.total += loss * weight
        self.total_weight += weight

    def _objective(self, prediction: Any, batch: Samples) -> Any:
        if batch.weights is None:
            return self.loss(prediction, batch.y)
        return self.loss(prediction, batch.y, weights=batch.weights)

    def _finish_epoch(self, seconds: float, display: Progress) -> None:
        run = self.run
        self._require_finite_weights()
        run.record = {"epoch": run.epoch, "loss": self.total / self.total_weight, **self._measure()}
        run.record["learning_rate"] = self.optimizer.current_learning_rate()
        self.optimizer.observe(run.record.get("val_loss", run.record["loss"]))
        run.record["seconds"] = round(seconds, 3)
        self._tell("on_epoch_end")
        run.history.append(run.record)
        if self.diagnosing is not None:
            self.diagnosing.after_epoch()
        run.step, self.total, self.total_weight, self.seconds = 0, 0.0, 0.0, 0.0
        if self.directory is not None:
            self.directory.discard_outcome()
            self.directory.append_history(run.record)
        self._save()
        if self.directory is not None:
            self.directory.forget_replaced()
        display.epoch_end(run.record)

    def _measure(self) -> dict[str, float]:
        """Loss and metrics on the validation data; where there is none, the metrics on the training data."""
        found: dict[str, float] = {}
        samples, prefix = (self.source.samples, "") if self.validation is None else (self.validation, "val_")
        if samples is None or (not self.metrics and self.validation is None):
            return found
        prediction = predict(self.net, samples.x)
        if self.validation is not None:
            found["val_loss"] = self._mean_loss(prediction, samples)
        for name, metric in self.metrics.items():
            found[prefix + name] = float(metric(prediction.numpy(), samples.y.numpy()))
        return found

    def _mean_loss(self, prediction: Array, samples: Samples) -> float:
        """Added up over parts, each with its weight, so that memory stays bounded."""
        total = weights = 0.0
        for at in range(0, samples.count, predict_batch):
            part = samples.rows(slice(at, at + predict_batch))
            weight = part.weight()
            total += self._objective(prediction[at : at + predict_batch], part).item() * weight
            weights += weight
        return total / weights

    def _remark(self, text: Bilingual) -> None:
        logger.warning("%s", text.speak(self.language))

    def _tell(self, event: str) -> None:
        for callback in self.callbacks:
            getattr(callback, event)(self.run)

    def _fail(self, what: Bilingual) -> None:
        kept = f"; the last good checkpoint is kept in {self.directory.checkpoint_path}" if self.directory else ""
        error = NonFiniteError(
            what + kept,
            fix="start anew with a lower learning rate, a clipped gradient (clip_norm=1.0) or standardised inputs, "
            "or look for log, sqrt or division of values that reach 0",
        )
        failure, error.run = Failure(what, self.run.epoch, self.run.step), self.run
        beginning = self.beginning or self._last_checkpoint()
        if beginning is not None:
            failure = explained(failure, beginning, self.source, net=self.net, optimizer=self.optimizer, loss=self.loss)
        self.run.failure = failure
        if self.directory is not None:
            self.watching.write(self.directory)
            self.directory.write_json(self.directory.failure_path.name, failure.to_dict())
        if self.diagnosing is not None:
            self.diagnosing.at_the_end()
        raise error

    def _last_checkpoint(self) -> Beginning | None:
        """Where the epoch stood when it was last written down, if it was."""
        if self.directory is None or not exists(self.directory.checkpoint_path):
            return None
        return Beginning.of_checkpoint(self.net, self.optimizer, *self.directory.load_checkpoint())

    # ── what must survive ────────────────────────────────────────────────────────────────────────

    def train_in(self, directory: RunDirectory, existing: Existing, epochs: int, display: Progress) -> None:
        """Train in a directory: go on with what is there, or put it aside until there is something new."""
        resumable = directory.open(existing)
        try:
            self.directory, self.run.directory = directory, directory.path
            settings = self._settings()
            if (directory.path / "config.json").exists():
                directory.check_config(settings)
            if resumable:
                self._resume()
                self._remark_if_over(epochs)
            directory.forget_failure()
            self.run.start = directory.write_config({**settings, "epochs": epochs})
            if existing == "resume" and not resumable:
                self._remark(
                    Bilingual(
                        f"there is nothing in {directory.path} to resume; training starts anew",
                        f"{directory.path} 中没有可以继续的训练，从头开始",
                    )
                )
            self.train(epochs, display)
            if self.run.history:
                directory.forget_replaced()
            elif directory.replaced_path.exists():
                self._remark(
                    Bilingual(
                        f"no epoch was finished: {directory.path} holds the run that was there before",
                        f"没有完成任何一轮：{directory.path} 保留的是之前的训练",
                    )
                )
                directory.bring_back()
        except BaseException:
            directory.bring_back()
            raise
        finally:
            directory.close()

    def _settings(self) -> dict[str, Any]:
        """What decides the result, and so must be the same when a run goes on."""
        validation = None if self.validation is None else self.validation.fingerprint()
        return {
            "network": architecture(self.net),
            "parameters": {name: str(leaf.type) for name, leaf in leaves(self.net).items()},
            "loss": describe_function(self.loss),
            "optimizer": self.optimizer.describe(),
            "batch_size": self.batch_size,
            "seed": self.seed,
            "metrics": list(self.metrics),
            **({"chunks": self.chunks} if self.chunks > 1 else {}),
            "data": {**self.source.describe(), "validation": validation},
        }

    def _require_finite_weights(self) -> None:
        for name, value in self.run.weights().items():
            if kind_of(value.dtype) == "f" and not np.isfinite(value).all():
                epoch = self.run.epoch
                self._fail(
                    Bilingual(
                        f"the weight {name} became NaN or infinite in epoch {epoch}",
                        f"第 {epoch} 轮中权重 {name} 变成了 NaN 或无穷大",
                    )
                )

    def _save(self) -> None:
        if self.directory is None:
            return
        run = self.run
        self._require_finite_weights()
        state = {
            "history": run.history,
            "stop_reason": run.stop_reason,
            "step": run.step,
            "total": self.total,
            "total_weight": self.total_weight,
            "seconds": self.seconds,
            "optimizer": self.optimizer.state_dict(),
            "callbacks": [callback.state() for callback in self.callbacks],
            "findings": kept_findings(run),
            **({"watched": len(run.watched)} if run.watched else {}),
        }
        arrays = {
            "network": run.weights(),
            "optimizer": {n: leaf.numpy() for n, leaf in leaves(self.optimizer).items()},
        }
        arrays |= {f"callback-{n}": callback.arrays() for n, callback in enumerate(self.callbacks)}
        self.watching.write(self.directory)
        self.directory.save_checkpoint(state, arrays)
        self.saved_at = time.monotonic()

    def _resume(self) -> None:
        """Take up everything that decides what comes next."""
        assert self.directory is not None  # noqa: S101  (called by train_in)
        state, arrays = self.directory.load_checkpoint()
        try:
            self._take_up({**state, "history": history(state, self.directory.checkpoint_path)}, arrays)
            watched = int(state.get("watched", 0))
        except (ArithmeticError, KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise damaged(
                self.directory.checkpoint_path, f"it does not hold the state of this run: {error!r}"
            ) from error
        self.directory.cut_history(self.run.history)
        seen = read_history(self.directory.watch_path) if self.directory.watch_path.exists() else []
        self.watching.cut(self.directory, watched, seen)

    def _remark_if_over(self, epochs: int) -> None:
        """A run to which nothing is added would otherwise look as if it had been trained."""
        done, why = len(self.run.history), self.run.stop_reason or "all epochs"
        if self.run.stop_reason or done >= epochs:
            self._remark(
                Bilingual(
                    f"nothing is left to train: the run ended after epoch {done} ({why})",
                    f"没有剩余的训练：第 {done} 轮后已经结束（{named(why, 'zh')}）",
                )
            )

    def _take_up(self, state: dict[str, Any], arrays: dict[str, Any]) -> None:
        if len(state["callbacks"]) != len(self.callbacks):
            raise CheckpointError(
                f"the run was begun with {len(state['callbacks'])} callbacks, now there are {len(self.callbacks)}"
            )
        run = self.run
        run.history, run.step = [restored(record) for record in state["history"]], int(state["step"])
        run.epoch = len(run.history)
        if not 0 <= run.step <= (self.source.steps or run.step):
            raise ValueError(f"step {run.step}")
        if not isinstance(state["stop_reason"], str):
            raise TypeError(f"stop_reason {state['stop_reason']!r}")
        run.stop_reason = "" if state["stop_reason"] == interrupted else state["stop_reason"]
        self.total, self.total_weight = float(state["total"]), float(state["total_weight"])
        self.seconds = float(state["seconds"])
        take_up_findings(run, state)
        run.load_weights(arrays["network"])
        self.optimizer.load_state_dict(state["optimizer"], arrays["optimizer"])
        for n, (callback, saved) in enumerate(zip(self.callbacks, state["callbacks"], strict=True)):
            callback.load(saved, arrays[f"callback-{n}"])


def watches_steps(callback: Callback) -> bool:
    """Whether a callback wants to be told of every step."""
    return type(callback).on_step is not Callback.on_step


def loss_function(name: str | Callable[..., Array]) -> Callable[..., Array]:
    """A loss of predictions and targets, by its name or itself."""
    if not isinstance(name, str):
        return name
    if name not in losses:
        raise SettingError(f"there is no loss {name!r}", fix=suggest(name, losses, kind="losses"))
    arguments = signature(losses[name]).parameters.values()
    arrays = [argument.name for argument in arguments if argument.kind is argument.POSITIONAL_OR_KEYWORD]
    if len(arrays) > 2:
        raise SettingError(
            f"the loss {name} takes {', '.join(arrays)}, and fit has predictions and targets",
            fix=f"give fit a function of these two, which calls nn.{name} with what it makes of them",
        )
    return losses[name]


def describe_function(function: Callable[..., Any]) -> str:
    """A function by name and settings; one that has code of its own also by a hash of it, as far as that tells."""
    if isinstance(function, partial):
        settings = [*map(repr, function.args), *(f"{k}={v!r}" for k, v in function.keywords.items())]
        return f"{describe_function(function.func)}({', '.join(settings)})"
    name, code = getattr(function, "__qualname__", type(function).__qualname__), getattr(function, "__code__", None)
    if code is None or str(getattr(function, "__module__", "")).startswith("maplet."):
        return name
    constants = [c for c in code.co_consts if not hasattr(c, "co_code")]  # the repr of nested code holds an address
    digest = hashlib.sha256(repr((code.co_code, constants, code.co_names)).encode()).hexdigest()
    return f"{name} #{digest[:12]}"
