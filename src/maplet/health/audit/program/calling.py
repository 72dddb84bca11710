"""How the user's functions are called: what a run is given, where its loss is, which gradient belongs to what.

Forward and backward run one behind the other on one tape. A bound method brings its object with it, whose arrays are
inputs like any other. Arguments of the backward function are found by name among those of the forward function, its
variables and what it returned.
"""

# What a program of a user's holds, and what NumPy makes of it, may be anything.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false, reportUnknownLambdaType=false

from __future__ import annotations

import inspect
import pickle
import random
import types
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.errors import GradientError, ShapeError
from maplet.health.audit.parameter_names import is_parameter_beside
from maplet.health.audit.program.copies import Copy, arrays_in, is_array, plain, unrecorded
from maplet.health.audit.program.foreign import is_tensor, numbers_of, of_kind
from maplet.health.audit.program.library import method
from maplet.health.audit.program.namespace import globals_of, recording
from maplet.health.audit.program.pairing import paired
from maplet.health.audit.program.tape import Recorded, Tape
from maplet.health.audit.program.watching import watching

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence

upstream = {"dout", "dloss", "d_loss", "dl", "upstream", "grad_output", "grad_out", "grad", "gradient", "dl_dl", "dj"}


@dataclass(frozen=True)
class Subject:
    """What is audited.

    Parameters
    ----------
    forward, backward
        The functions.
    args
        The arguments of forward; for bound methods, the object first.
    loss
        The function that makes a loss of what forward returns; None where forward returns it.
    wrt
        The names of what the gradients belong to, in order; found out where None.
    """

    forward: Callable[..., Any]
    backward: Callable[..., Any]
    args: tuple[Any, ...]
    loss: Callable[..., Any] | None = None
    wrt: tuple[str, ...] | None = None

    @property
    def owner(self) -> Any:
        """The object whose methods are audited, if any."""
        return getattr(self.forward, "__self__", getattr(self.backward, "__self__", None))

    @property
    def functions(self) -> list[Callable[..., Any]]:
        """The functions that there are."""
        return [f for f in (self.forward, self.backward, self.loss) if f is not None]

    @property
    def spaces(self) -> list[dict[str, Any]]:
        """The globals that they read, each once."""
        return list({id(s): s for s in map(globals_of, self.functions) if s is not None}.values())

    def randomness(self) -> bytes:
        """The states of the generators that they may draw from."""
        held = [*(value for space in self.spaces for value in space.values()), *self.args]
        held += getattr(self.owner, "__dict__", {}).values()
        own = [g.bit_generator.state for g in held if isinstance(g, np.random.Generator)]
        own += [g.get_state(legacy=False) for g in held if isinstance(g, np.random.RandomState)]
        return pickle.dumps((random.getstate(), np.random.get_state(legacy=False), own))  # noqa: NPY002  (the user's)


@dataclass
class Run:
    """One run of forward and backward."""

    tape: Tape
    loss: int
    inputs: dict[str, int]
    begin: int = 0  # the first call of backward
    gradients: dict[str, Any] = field(default_factory=dict[str, Any])
    names: dict[int, str] = field(default_factory=dict[int, str])
    unpaired: list[str] = field(default_factory=list[str])  # what backward returned that belongs to no input
    fitted: dict[str, str] = field(default_factory=dict[str, str])  # by their shape: inputs, and what it calls them
    nothing: list[str] = field(default_factory=list[str])  # inputs for which it returned None
    left_out: list[str] = field(
        default_factory=list[str]
    )  # inputs that are called like parameters and have no gradient
    floor: int = 0  # of a script: what was computed before is given, though it may have come from parameters
    adding: tuple[int, ...] = ()  # of a script: the calls that turn round what an update adds
    aliases: dict[int, list[str]] = field(default_factory=dict[int, list[str]])  # the variables of backward, in order

    def value(self, number: int) -> Any:
        """The value of a call."""
        return self.tape.values[number]


def arrays_of(subject: Subject) -> dict[str, Any]:
    """The arrays that a subject is given, by name."""
    found: dict[str, Any] = {}

    def note(value: Any, name: str) -> Any:
        found[name] = numbers_of(value)
        return value

    Copy(note).tree(_named_arguments(subject), "")
    return found


def run(
    subject: Subject, values: Mapping[str, Any] | None = None, *, recorded: bool = True, backward_too: bool = True
) -> Run:
    """Run forward and backward once; what they leave in the globals of their files are plain arrays."""
    try:
        return _run(subject, values, recorded=recorded, backward_too=backward_too)
    finally:
        for space in subject.spaces if recorded else ():
            unrecorded(space, str(space.get("__name__")))


def _run(subject: Subject, values: Mapping[str, Any] | None, *, recorded: bool, backward_too: bool) -> Run:
    """Run forward and backward once, on other values of the arrays if they are given.

    Not recorded, the functions get plain arrays of their own dtype; the tape then has the inputs and the loss alone, as
    one call of the whole forward function, and the gradients are what they are.
    """
    tape = Tape()
    inputs: dict[str, int] = {}

    def enter(original: Any, name: str) -> Any:
        tape.method = method if is_tensor(original) else tape.method
        value = numbers_of(original) if values is None else np.asarray(values[name])
        entered = tape.enter(value, name)
        inputs[name] = entered.number
        return entered if recorded else of_kind(original, value)

    copy = Copy(enter)
    given = copy.tree(_named_arguments(subject), "")
    functions = subject.functions
    forward, backward, loss = (
        _bound(f, copy.memo) if f is not None else None for f in (subject.forward, subject.backward, subject.loss)
    )
    owner = given.pop("", None)
    space = recording(functions, tape) if recorded else nullcontext()
    with space, _watched(functions, tape) as seen, np.errstate(all="ignore"):
        assert forward is not None  # noqa: S101  (it was given)
        assert backward is not None  # noqa: S101  (it was given)
        result = forward(*given.values())
        known = {**seen.variables.get(code_of(forward), {}), **given}
        value = _loss_of(result) if loss is None else loss(*_arguments(loss, known, [result], given))
        if not _is_loss(value) or (recorded and not isinstance(value, Recorded)):
            raise _no_loss(subject, value)
        kept = value if isinstance(value, Recorded) else tape.whole(_loss_function(subject), plain(value), inputs)
        done = Run(tape, kept.number, inputs, len(tape.calls))
        if not backward_too:
            return done
        for name, array in arrays_in(owner):
            if isinstance(array, Recorded):
                done.names.setdefault(array.number, name)
        before = {id(array): (array, plain(array).copy()) for _, array in arrays_in(owner)}
        rest = list(result[1:]) if isinstance(result, tuple) else [] if loss is None else [result]
        returned = backward(*_arguments(backward, {**known, "loss": value}, rest, given))
    names = seen.variables.get(code_of(backward), {})
    held = [(name, array) for name, array in arrays_in(owner) if _is_made(array, before, done.begin)]
    done.gradients = paired(returned, names, held, done, subject.wrt)
    _require_numbers(done.gradients)
    done.left_out = [] if subject.wrt is not None else _left_out(done)
    for variables in seen.variables.values():
        for name, array in arrays_in({k: v for k, v in variables.items() if k != "self"}):
            if isinstance(array, Recorded) and ("." not in name or array.number not in done.names):
                done.names[array.number] = name
    for name, number in inputs.items():
        done.names[number] = name
    for name, value in names.items():
        if isinstance(value, Recorded):
            done.aliases.setdefault(value.number, []).append(name)
    return done


def _is_made(array: Any, before: Mapping[int, tuple[Any, Any]], begin: int) -> bool:
    """Whether an array that an object holds was made, or changed, by the backward pass."""
    if isinstance(array, Recorded):
        return array.number >= begin
    known, values = before.get(id(array), (None, None))
    return known is not array or not np.array_equal(plain(array), values, equal_nan=True)


def _loss_function(subject: Subject) -> Callable[..., Any]:
    """The loss as one function of all the arrays: for a program that could not be recorded."""

    def whole(names: tuple[str, ...], *values: Any) -> Any:
        done = run(subject, dict(zip(names, values, strict=True)), recorded=False, backward_too=False)
        return np.asarray(done.value(done.loss))

    return whole


def _bound(function: Callable[..., Any], memo: dict[int, Any]) -> Callable[..., Any]:
    """A method of the copy of its object."""
    owner = getattr(function, "__self__", None)
    return types.MethodType(function.__func__, memo[id(owner)]) if owner is not None else function  # type: ignore[attr-defined]  (a bound method has one)


def _named_arguments(subject: Subject) -> dict[str, Any]:
    parameters = positional(subject.forward)
    names = [p.name for p in parameters] + [f"x{n}" for n in range(len(parameters), len(subject.args))]
    named = dict(zip(names, subject.args, strict=False))
    return {"": subject.owner, **named} if subject.owner is not None else named


def positional(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """The parameters that may be given by place."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [p for p in inspect.signature(function).parameters.values() if p.kind in kinds]


def code_of(function: Any) -> Any:
    """The code of a function or method."""
    return getattr(getattr(function, "__func__", function), "__code__", None)


# ── what is where ────────────────────────────────────────────────────────────────────────────────


def _loss_of(result: Any) -> Any:
    """The loss in what forward returns: itself, the first of several, or the entry ``loss``."""
    if isinstance(result, dict):
        return result.get("loss")
    if isinstance(result, tuple | list):
        scalars = [one for one in result if is_array(one) and np.size(plain(one)) == 1]
        return scalars[0] if scalars else result[0] if result else None
    return result


def _is_loss(value: Any) -> bool:
    return is_array(value) and np.size(plain(value)) == 1 and plain(value).dtype.kind in "fiu"


def _no_loss(subject: Subject, value: Any) -> Exception:
    name = getattr(subject.forward, "__name__", "forward")
    if is_array(value) and np.size(plain(value)) != 1:
        return ShapeError(
            f"{name} gives an array of shape {np.shape(plain(value))}; a gradient is that of one number, the loss",
            fix=f"let {name} return the loss, or say how the loss is made of it: audit(…, loss=function)",
        )
    if is_array(value) and not _is_loss(value):
        dtype = plain(value).dtype
        kind = {"c": "a complex number", "b": "a truth value"}.get(dtype.kind, f"a value of dtype {dtype}")
        return GradientError(
            f"{name} gives {kind}; the loss is one real number, which can fall", fix="return its real part, or a float"
        )
    given = type(value).__name__
    return GradientError(
        f"{name} gives no loss: {given}, where a number that is computed from arrays was expected",
        fix="return the loss alone, or first of several: return loss, cache",
    )


def _require_numbers(gradients: Mapping[str, Any]) -> None:
    for name, gradient in gradients.items():
        dtype = np.asarray(plain(gradient)).dtype
        if dtype.kind not in "fiub":
            raise GradientError(
                f"the gradient of {name} has dtype {dtype}; one of real numbers was expected",
                fix="make it an array of floats: np.asarray(…, float)",
            )


def _left_out(done: Run) -> list[str]:
    """The inputs that are called like parameters, and that backward says nothing of."""
    known = {*done.gradients, *done.nothing}
    numbers = {done.inputs[name] for name in known}
    return [name for name, n in done.inputs.items() if n not in numbers and is_parameter_beside(name, known)]


def _arguments(
    function: Callable[..., Any], known: Mapping[str, Any], rest: Sequence[Any], given: Mapping[str, Any]
) -> list[Any]:
    """Arguments for the backward function (or the loss), by name; what is left over takes what forward returned."""
    parameters = positional(function)
    if not parameters and any(p.kind is p.VAR_POSITIONAL for p in inspect.signature(function).parameters.values()):
        return list(given.values())
    lower = {name.lower(): value for name, value in known.items()}
    named: dict[str, Any] = {}
    open_: list[str] = []
    for p in parameters:
        if p.name in known:
            named[p.name] = known[p.name]
        elif p.name.lower() in upstream:
            named[p.name] = 1.0
        elif p.name.lower() in lower:
            named[p.name] = lower[p.name.lower()]
        elif p.default is p.empty:
            open_.append(p.name)
    unnamed = [value for value in rest if not any(value is known for known in named.values())]
    if open_ and len(open_) in (len(rest), len(unnamed)):
        named |= dict(zip(open_, rest if len(open_) == len(rest) else unnamed, strict=True))
    elif len(open_) == 1 and rest:
        named[open_[0]] = tuple(rest)
    elif open_ and len(parameters) == len(given):
        return list(given.values())
    elif open_:
        name = getattr(function, "__name__", "the function")
        raise GradientError(
            f"{name} wants {', '.join(open_)}, which is no argument, variable or result of the forward function",
            fix=f"name them alike, or wrap the call: lambda {', '.join(given)}: {name}(…)",
        )
    return [named.get(p.name, p.default) for p in parameters]


class _Seen:
    """The local variables of the user's functions when they returned, by code."""

    def __init__(self) -> None:
        self.variables: dict[Any, dict[str, Any]] = {}


@contextmanager
def _watched(functions: Sequence[Any], tape: Tape) -> Generator[_Seen]:
    """See the variables of the user's functions when they return: they name what is computed."""
    seen, spaces = _Seen(), [globals_of(f) for f in functions]

    def note(frame: types.FrameType, event: str, _: Any) -> None:
        if event == "return" and any(frame.f_globals is space for space in spaces):
            seen.variables[frame.f_code] = dict(frame.f_locals)
            tape.leave(frame)

    with watching(note):
        yield seen
