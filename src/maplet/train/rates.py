"""find_learning_rate: try one learning rate after another, each a little greater, and see where the loss falls best."""

from __future__ import annotations

import math
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.errors import SettingError
from maplet.explain.markup import Markup, element
from maplet.explain.svg import Plot, Scale, drawing, label_width, value_scale
from maplet.optim import SGD
from maplet.settings import real, whole
from maplet.train.fit import require_trainable
from maplet.train.formatting import short_number
from maplet.train.inputs import as_samples, compute_dtype
from maplet.train.source import InMemory
from maplet.train.stepping import Stepping
from maplet.train.training import loss_function
from maplet.transforms.blas import one_blas_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from maplet.core.array import Array
    from maplet.nn import Module
    from maplet.optim import Optimizer

worse = 4.0  # times the least loss: there the test ends, if that is above where it began
beginning = 8  # steps, of which the mean is the loss at the beginning
share = 0.8  # of what was before, in the running mean of the losses
style = "text{font:12px sans-serif;fill:#888}.grid,.axis{stroke:#8886;fill:none}.seen{stroke:#999;fill:none}"
style += ".curve{stroke:#2a6fdb;stroke-width:2;fill:none}.mark{stroke:#d9480f;stroke-dasharray:4 3}"


@dataclass(frozen=True)
class RangeTest:
    """What `find_learning_rate` found; a notebook shows it as a plot.

    Attributes
    ----------
    rates, losses
        The rates that were tried, and the loss of the batch before each step.
    smooth
        The running mean of the losses.
    suggestion
        Where the loss falls best: a rate to begin with.
    """

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    smooth: tuple[float, ...]
    suggestion: float

    def __str__(self) -> str:
        tried = f"{len(self.rates)} rates from {self.rates[0]:.1g} to {self.rates[-1]:.1g}"
        fall = f"the loss went from {self.smooth[0]:.3g} to {min(self.smooth):.3g}"
        return f"learning rate {self.suggestion:.2g} (tried {tried}; {fall})"

    def svg(self) -> Markup:
        """Loss over learning rate, with the suggestion marked."""
        y = value_scale([loss for loss in self.smooth if math.isfinite(loss)], 240.0, 20.0)
        ticks = y.ticks(6)
        x = Scale(math.log10(self.rates[0]), math.log10(self.rates[-1]), 14 + label_width(ticks), 466.0)
        plot, at = Plot(x, y), x(math.log10(self.suggestion))
        decades = [float(n) for n in range(math.ceil(x.low), math.floor(x.high) + 1)]
        seen = [(math.log10(rate), loss) for rate, loss in zip(self.rates, self.losses, strict=True)]
        smooth = [(math.log10(rate), loss) for rate, loss in zip(self.rates, self.smooth, strict=True)]
        inside = [point for point in seen if y.low <= point[1] <= y.high]
        return drawing(
            "range-test", "loss over learning rate", str(self), (480.0, 290.0), element("style", Markup(style)),
            plot.frame("log₁₀ learning rate", "", decades, ticks), plot.line(inside, "seen"),
            plot.line(smooth, "curve"), element("path", d=f"M{at:.1f} 20V240", class_="mark"),
            element("text", short_number(self.suggestion), x=at + 5, y=32.0),
        )  # fmt: skip

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"image/svg+xml": str(self.svg()), "text/plain": str(self)}


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
) -> RangeTest:
    """Suggest a learning rate: train a copy of the net with rates that grow from step to step.

    The loss first stands still, then falls, then climbs. Where it falls most steeply over the logarithm of the rate is
    a good rate to begin with.

    Source: L. N. Smith, "Cyclical learning rates for training neural networks", 2017.

    Parameters
    ----------
    net, data, loss, batch_size, seed
        As for `fit`; the net is not changed.
    optimizer
        What is to be used, such as ``optim.Adam(1e-3)``, whose rate does not matter here; by default plain SGD. It is
        not changed.
    steps, low, high
        How many rates are tried, from which to which. The test ends when the loss has become much worse.

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
    copy = deepcopy(net).train()
    copy.reseed(seed)
    mover.init(copy)
    samples = as_samples(data, compute_dtype(net), "training")
    stepping = Stepping(copy, mover, loss_function(loss))
    rates, losses, smooth = list[float](), list[float](), list[float]()
    with one_blas_thread():
        batches = _batches(InMemory(samples, batch_size, seed))
        for rate in np.geomspace(low, high, steps).tolist():
            mover.learning_rate = rate
            found = stepping.run(samples.rows(next(batches)))
            if not math.isfinite(found):
                break
            rates.append(rate)
            losses.append(found)
            smooth.append(_mean(losses))
            begin = sum(losses[:beginning]) / len(losses[:beginning])  # single batches differ
            if smooth[-1] > worse * abs(min(smooth)) and smooth[-1] > 1.5 * abs(begin):
                break
    if len(rates) < 3:
        raise SettingError(
            f"the loss is not finite at the rate {low:.1g} already",
            fix="look for NaN with mp.debug, or scale the inputs",
        )
    return RangeTest(tuple(rates), tuple(losses), tuple(smooth), _steepest(rates, losses))


def _batches(source: InMemory) -> Iterator[np.ndarray[Any, Any]]:
    """The rows of one full batch after another, epoch by epoch."""
    epoch = 0
    while True:
        epoch += 1
        for stretch in source.stretches(epoch):
            full = [part for part in stretch.batches if part.stop - part.start == stretch.length(0)]
            yield from (stretch.order[part] for part in full)


def _mean(losses: list[float]) -> float:
    """The running mean, in which what was before counts less and less."""
    weights = share ** np.arange(len(losses))[::-1]
    return float(np.average(losses, weights=weights))


def _steepest(rates: list[float], losses: list[float]) -> float:
    """The middle of the stretch of rates, a twelfth of all and 8 of them at least, over which the loss falls most.

    Batches differ, so that the fall is that of a straight line through the losses of the stretch.
    """
    width = min(max(len(rates) // 12, 8), len(rates))
    logarithms = np.log(rates)
    slopes = [
        float(np.polyfit(logarithms[at : at + width], losses[at : at + width], 1)[0])
        for at in range(len(rates) - width + 1)
    ]
    return rates[int(np.argmin(slopes)) + width // 2]
