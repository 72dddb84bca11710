"""fit: gradient descent on mini-batches, iterated over the data until it is told to stop."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any, cast, get_args

from maplet.bilingual import languages
from maplet.data import Stream
from maplet.errors import SettingError
from maplet.health.doctor.recorded import Given
from maplet.messages import shown
from maplet.nn import Module
from maplet.optim import Optimizer
from maplet.settings import choice, flag, whole
from maplet.train.callbacks import Callback
from maplet.train.diagnosing import Diagnosing
from maplet.train.inputs import as_samples, compute_dtype
from maplet.train.metrics import as_metrics
from maplet.train.progress import Progress
from maplet.train.rehearsal import rehearsal
from maplet.train.run_directory import Existing, RunDirectory
from maplet.train.source import source_of
from maplet.train.storage import as_directory
from maplet.train.training import Training
from maplet.transforms.blas import one_blas_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from maplet.core.array import Array
    from maplet.train.run import Run

largest_seed = 2**64 - 1


def fit(
    net: Module,
    data: Any,
    *,
    loss: str | Callable[..., Array],
    optimizer: Optimizer,
    epochs: int = 10,
    batch_size: int = 32,
    chunks: int = 1,
    validation: Any = None,
    metrics: Sequence[str | Callable[..., float]] = (),
    callbacks: Sequence[Callback] = (),
    seed: int = 0,
    directory: str | Path | None = None,
    existing: Existing = "error",
    progress: bool = True,
    lint: bool = True,
    watch: int = 0,
    doctor: bool = False,
    rehearse: bool = False,
    language: str = "en",
) -> Run:
    """Train a network.

    Parameters
    ----------
    net
        The network; it is changed in place.
    data
        ``(x, y)`` or ``(x, y, weights)``: arrays (or trees of them) whose first axis counts the samples. Floating data
        is converted to the network's dtype, which is logged. Or a ``mp.data.Stream`` of such blocks, one after another,
        which need not fit into memory together.
    loss
        ``loss(prediction, target) → number``, such as `nn.cross_entropy`, or its name.
    optimizer
        What moves the parameters, such as ``optim.Adam(1e-3)``.
    epochs, batch_size
        How often the data is gone through, and how many samples make a step: 1 is stochastic, all of them is batch
        gradient descent. The last batch of an epoch may be short; it counts with its true weight.
    chunks
        A power of two: each batch is worked on in so many chunks, one after another, for the memory of one. The result
        is that of the whole batch up to rounding, and to the bit that of `chunked`.
    validation
        Data of the same form that is looked at after each epoch and never trained on.
    metrics
        Names (``"accuracy"``) or functions ``(prediction, target) → number``; measured on the validation data
        (``val_accuracy``), or on the training data where there is none.
    callbacks
        Such as `EarlyStopping`.
    seed
        Decides the order of the samples, by (seed, epoch) alone, and the masks of dropout.
    directory, existing
        Where the run is kept. If it is there already: ``"error"``, ``"resume"`` (to the same bits as if it had not
        been interrupted), or ``"overwrite"``.
    progress
        Whether to show a progress bar (one line per epoch where the output is no terminal).
    lint
        Whether to look for what is likely to go wrong before the first step; see `mp.lint`. What is found is logged as
        a warning and kept in ``run.findings``.
    watch
        Every how many steps to look into a step: norms of activations, gradients, parameters and updates, shares of
        units that are off or saturated, the noise of the gradient, layer by layer; 0 for never. They are kept in
        ``run.watched`` and in ``watch.jsonl`` of the directory, and training gives the same bits.
    doctor
        Whether to look at the course of the run after each epoch and say what is wrong with it; see `mp.doctor`. Every
        tenth step is watched then, if ``watch`` does not say otherwise. Diagnoses are logged as warnings, each once,
        when they have held for three epochs; those that ask the net about its rows come at the end.
    rehearse
        Whether to try first if a copy of the net can learn one batch by heart. If it cannot, it will not learn all of
        them: a warning says so, and training begins all the same.
    language
        ``"en"`` or ``"zh"``: of the progress, and of what lint, doctor and rehearsal say. Errors are English.

    Returns
    -------
    Run
        With ``history``, ``predict`` and the network, which is left in evaluation mode. Ctrl-C ends training after the
        current step and returns it too.

    Raises
    ------
    NonFiniteError
        If the loss or a weight becomes NaN or infinite; the last good checkpoint is kept.
    SettingError, DataError, ShapeError
        For settings and data that cannot be trained with.

    Examples
    --------
    >>> import maplet as mp
    >>> from maplet import nn, optim
    >>> x = mp.asarray([[0.0], [1.0], [2.0], [3.0]])
    >>> run = mp.fit(nn.Linear(1, 1), (x, 2 * x + 1), loss="mse", optimizer=optim.SGD(0.1), epochs=100, progress=False)
    >>> [round(v, 2) for v in run.predict([[4.0]]).numpy()[0].tolist()]
    [9.0]
    """
    require_trainable(net, loss, optimizer, callbacks)
    dtype = compute_dtype(net)
    batch_size, seed = whole("batch_size", batch_size, least=1), whole("seed", seed, least=0, most=largest_seed)
    epochs, chunks = whole("epochs", epochs, least=1), _require_chunks(chunks)
    progress, lint, doctor = flag("progress", progress), flag("lint", lint), flag("doctor", doctor)
    watch, rehearse = _require_watch(watch, chunks, doctor=doctor), flag("rehearse", rehearse)
    choice("existing", existing, get_args(Existing))
    language = choice("language", language, languages)
    place = None if directory is None else as_directory("directory", directory)
    if place is None and existing != "error":
        raise SettingError(
            f"existing={existing!r} without a directory", fix='add directory="runs/mine", or leave it out'
        )
    measures = as_metrics(metrics)
    if isinstance(data, Stream) and measures and validation is None:
        raise SettingError(
            "the metrics of a stream are measured on validation data, and there is none",
            fix="give validation=(x, y); the loss on the training data is always measured",
        )
    source = source_of(data, dtype, batch_size=batch_size, seed=seed, epochs=epochs)
    with closing(source), one_blas_thread(), Progress(enabled=progress, language=language) as display:
        training = Training(net, source, loss, optimizer, batch_size=batch_size, seed=seed, chunks=chunks)
        training.validation = None if validation is None else as_samples(validation, dtype, "validation")
        training.metrics = measures
        training.callbacks = list(callbacks)
        training.run.given = Given(source.samples, training.validation, training.loss, batch_size)
        training.lint, training.language = lint, language
        training.watching.every = watch
        training.diagnosing = Diagnosing(training.run, language) if doctor else None
        if rehearse and (known := source.known()) is not None:
            rehearsal(net, optimizer, training.loss, known.rows(slice(0, batch_size)), language)
        if place is None:
            training.train(epochs, display)
        else:
            training.train_in(RunDirectory(place), existing, epochs, display)
    return training.run


def _require_chunks(chunks: Any) -> int:
    number = whole("chunks", chunks, least=1)
    if number & (number - 1):
        raise SettingError(f"chunks={number}", fix="a power of two: the results of chunks are added in pairs")
    return number


def _require_watch(watch: Any, chunks: int, *, doctor: bool) -> int:
    every = whole("watch", watch, least=0) or (10 if doctor else 0)
    if every and chunks > 1:
        raise SettingError(
            f"watch={every} with chunks={chunks}: a batch in chunks has no activations of its own to look at",
            fix="leave one of them out",
        )
    return every


def require_trainable(net: Any, loss: Any, optimizer: Any, callbacks: Any) -> None:
    """Refuse what is not what it should be, with words that help."""
    if not isinstance(net, Module):
        raise SettingError(
            f"the first argument is {shown(net)}, not a network",
            fix=f"make one: {net.__name__}(...)"
            if isinstance(net, type) and issubclass(net, Module)
            else "nn.Sequential(nn.Linear(4, 3)), or an object of your own nn.Module",
        )
    if not isinstance(optimizer, Optimizer):
        raise SettingError(
            f"optimizer= is {shown(optimizer)}, not an optimizer", fix="make one: optimizer=optim.Adam(1e-3)"
        )
    if isinstance(loss, type) or not (isinstance(loss, str) or callable(loss)):
        raise SettingError(
            f"loss= is {shown(loss)}, not a loss", fix='loss=nn.cross_entropy, or its name: loss="cross_entropy"'
        )
    if not isinstance(callbacks, list | tuple) or not all(
        isinstance(c, Callback) for c in cast("list[Any]", callbacks)
    ):
        raise SettingError(
            f"callbacks= is {shown(callbacks)}", fix="a list of objects: callbacks=[mp.EarlyStopping(patience=3)]"
        )
