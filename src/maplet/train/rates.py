"""find_learning_rate: copies of a net take the same steps, each with another rate, and their losses are compared."""

from __future__ import annotations

import math
from copy import deepcopy
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.bilingual import Bilingual
from maplet.core.array import assign, from_value
from maplet.core.tree import leaves
from maplet.errors import SettingError
from maplet.explain.drawn import Picture, bottom, framed, left, picture, right, top
from maplet.explain.markup import element
from maplet.explain.svg import Plot, Scale, value_scale
from maplet.optim import SGD
from maplet.settings import real, whole
from maplet.train.fit import require_trainable
from maplet.train.inputs import as_samples, compute_dtype
from maplet.train.source import InMemory
from maplet.train.stepping import Stepping
from maplet.train.training import loss_function
from maplet.transforms.blas import one_blas_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from maplet.core.array import Array
    from maplet.nn import Module
    from maplet.optim import Optimizer
    from maplet.train.inputs import Samples

    Numbers = NDArray[np.float64]

a_decade = 2  # rates
worse, few = 4.0, 8  # times the loss without any step, over so many steps: there a copy is given up
last = 4  # of the steps the last quarter counts
surely = 3.0  # times its uncertainty: so much has the loss to fall for that to be no chance
still = 1e-30  # a rate that moves nothing


@dataclass(frozen=True)
class Rates:
    """What `find_learning_rate` found; a notebook shows it as a picture.

    Attributes
    ----------
    rates, losses
        The rates that were tried, and the loss that each came to; infinite where it grew out of bounds.
    start
        The loss of the same batches without any step.
    steps
        How many steps each copy took.
    suggestion
        A rate to begin with; NaN if none makes the loss fall.
    """

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    start: float
    steps: int
    suggestion: float

    def __str__(self) -> str:
        return self.text()

    def text(self, language: str = "en") -> str:
        """The suggestion and what it rests on, in a sentence.

        Parameters
        ----------
        language
            ``"en"`` or ``"zh"``.

        Raises
        ------
        SettingError
            If it is neither.
        """
        low, high, count = self.rates[0], self.rates[-1], len(self.rates)
        if math.isnan(self.suggestion):
            said = Bilingual(
                f"no learning rate from {low:.2g} to {high:.2g} makes the loss fall: it is {self.start:.3g} without a "
                f"step, and {min(self.losses):.3g} at best after {self.steps}",
                f"从 {low:.2g} 到 {high:.2g} 的学习率都不能使损失下降：不走一步时损失为 {self.start:.3g}，"
                f"走 {self.steps} 步后最好为 {min(self.losses):.3g}",
            )
        else:
            reached = self.losses[self.rates.index(self.suggestion)]
            said = Bilingual(
                f"learning rate {self.suggestion:.2g}: the loss fell from {self.start:.3g} to {reached:.3g} in "
                f"{self.steps} steps ({count} rates from {low:.2g} to {high:.2g} were tried)",
                f"学习率 {self.suggestion:.2g}：损失在 {self.steps} 步内由 {self.start:.3g} 降到 {reached:.3g}"
                f"（试过从 {low:.2g} 到 {high:.2g} 的 {count} 个学习率）",
            )
        return said.speak(language)

    def picture(self, language: str = "en") -> Picture:
        """Draw the loss after these steps over the learning rate; the suggestion has a ring.

        Losses far above the one without a step are left out; that one is a straight line.

        Parameters
        ----------
        language
            ``"en"`` or ``"zh"``.
        """
        highest = self.start + max(self.start - min(self.losses), 0.1 * abs(self.start))
        seen = [(rate, loss) for rate, loss in zip(self.rates, self.losses, strict=True) if loss <= highest]
        x = Scale(self.rates[0], self.rates[-1], left, right, logarithmic=True)
        plot = Plot(x, value_scale([self.start, *(loss for _, loss in seen)], bottom, top))
        level = plot.line([(self.rates[0], self.start), (self.rates[-1], self.start)], "contour")
        marked = [point for point in seen if point[0] == self.suggestion]
        title, across, up = (said.speak(language) for said in _words)
        return picture(
            title, self.text(language), framed(plot, across, up), level, plot.line(seen, "curve"),
            plot.dots(seen, "dots"),
            *(element("circle", cx=x(rate), cy=plot.y(loss), r=9.0, class_="ring") for rate, loss in marked),
        )  # fmt: skip

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"image/svg+xml": self.picture().svg, "text/plain": str(self)}


_words = (
    Bilingual("loss over learning rate", "损失与学习率"),
    Bilingual("learning rate", "学习率"),
    Bilingual("loss", "损失"),
)


def find_learning_rate(
    net: Module,
    data: Any,
    loss: str | Callable[..., Array],
    *,
    optimizer: Optimizer | None = None,
    batch_size: int = 32,
    steps: int = 120,
    low: float = 1e-6,
    high: float = 10.0,
    seed: int = 0,
) -> Rates:
    """Suggest a learning rate: try each of a series on a copy of the net, and see how far the loss falls.

    All copies begin alike and are given the same batches, so that their losses differ by the rate alone. Low rates
    hardly move the loss, high ones make it sway or grow. Suggested is the one with the greatest fall.

    A range test (L. N. Smith, "Cyclical learning rates for training neural networks", 2017) takes one net through all
    rates in a row. That is quicker, but each of its losses is that of one batch, which says little where these differ.

    Parameters
    ----------
    net, data, loss, batch_size, seed
        As for `fit`; the net is not changed.
    optimizer
        What is to be used, such as ``optim.Adam(1e-3)``, whose rate does not matter here; by default plain SGD. It is
        not changed. Of one that is made of others, all are given the same rate.
    steps
        How many each copy takes; the loss is the mean over the last quarter of them.
    low, high
        The least and the greatest rate; between them lie about two for each power of ten.

    Raises
    ------
    SettingError
        If there are fewer than 10 steps, or ``low`` is not a positive number below ``high``.

    Examples
    --------
    >>> import maplet as mp
    >>> from maplet import nn
    >>> x = mp.random.Generator(0).normal((64, 3))
    >>> found = mp.find_learning_rate(nn.Linear(3, 1, rng=0), (x, x[:, :1]), "mse")
    >>> 0.01 < found.suggestion < 1
    True
    """
    steps, batch_size = whole("steps", steps, least=10), whole("batch_size", batch_size, least=1)
    high = real("high", high, above=0)
    low = real("low", low, above=0, below=high)
    mover = SGD(low) if optimizer is None else deepcopy(optimizer)
    require_trainable(net, loss, mover, ())
    samples = as_samples(data, compute_dtype(net), "training")
    batches = [samples.rows(rows) for rows in islice(_batches(InMemory(samples, batch_size, seed)), steps)]
    rates = np.geomspace(low, high, max(round(a_decade * math.log10(high / low)) + 1, 3)).tolist()
    trial = _Trial(net, mover, loss_function(loss), batches, seed)
    with one_blas_thread():
        start = trial.losses(still)
        tried = [trial.losses(rate, start) for rate in rates]
    reached = [float(np.mean(losses[-(steps // last) :])) if len(losses) == steps else math.inf for losses in tried]
    if not math.isfinite(min(reached)):
        raise SettingError(
            f"the loss is not finite at the rate {low:.2g} already",
            fix="look for NaN with mp.debug, or scale the inputs",
        )
    return Rates(
        tuple(rates), tuple(reached), float(np.mean(start[-(steps // last) :])), steps, _best(rates, tried, start)
    )


class _Trial:
    """A net that begins anew for each rate, and is given the same batches."""

    def __init__(
        self, net: Module, optimizer: Optimizer, loss: Callable[..., Array], batches: list[Samples], seed: int
    ) -> None:
        copy = deepcopy(net).train()
        copy.reseed(seed)
        optimizer.init(copy)
        self.pair, self.batches = (copy, optimizer), batches
        self.stepping = Stepping(copy, optimizer, loss)
        self.begin = {name: leaf.numpy() for name, leaf in leaves(self.pair).items()}

    def losses(self, rate: float, start: Numbers | None = None) -> Numbers:
        """The loss of each batch before its step; it ends where that is far above what it is without any step."""
        for name, leaf in leaves(self.pair).items():
            if name in self.begin:
                assign(leaf, from_value(self.begin[name]))
        for part in self.pair[1].parts():
            part.learning_rate = rate
        found = list[float]()
        for batch in self.batches:
            found.append(self.stepping.run(batch))
            bound = math.inf if start is None else _bound(start[: len(found)])
            if not math.isfinite(found[-1]) or (len(found) >= few and sum(found[-few:]) / few > bound):
                return np.array(found[:-1])
        return np.array(found)


def _bound(start: Numbers) -> float:
    """The mean loss of a few steps at which a copy is given up."""
    mean = float(np.mean(start[-few:]))
    return mean + (worse - 1) * abs(float(np.mean(start))) if math.isfinite(mean) else math.inf


def _best(rates: list[float], tried: list[Numbers], start: Numbers) -> float:
    """The rate with the greatest fall, over the batches that count; NaN if that is no more than chance."""
    steps = len(start)
    counts = steps // last
    falls = [start[-counts:] - losses[-counts:] if len(losses) == steps else np.array([-math.inf]) for losses in tried]
    best, fall = max(zip(rates, falls, strict=True), key=lambda pair: float(np.mean(pair[1])))
    sure = float(np.mean(fall)) > surely * float(np.std(fall)) / counts**0.5
    return best if sure else math.nan


def _batches(source: InMemory) -> Iterator[np.ndarray[Any, Any]]:
    """The rows of one full batch after another, epoch by epoch."""
    epoch = 0
    while True:
        epoch += 1
        for stretch in source.stretches(epoch):
            full = [part for part in stretch.batches if part.stop - part.start == stretch.length(0)]
            yield from (stretch.order[part] for part in full)
