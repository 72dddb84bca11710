"""Which gradient belongs to which input: by what the user calls them, else by order and shape."""

# What a program of a user's holds, and what NumPy makes of it, may be anything.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false, reportUnknownLambdaType=false

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.errors import GradientError
from maplet.health.audit.program.foreign import is_foreign, numbers_of
from maplet.health.audit.program.methods import nested
from maplet.health.audit.program.tape import Recorded

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from maplet.health.audit.program.calling import Run

spelled = re.compile(
    r"^(?:gradients?_|grads?_|d[lj]_?d_?|d_|delta_|g_|d|g)?(.+?)(?:_?grads?|_gradients?|_g)?$", re.IGNORECASE
)

containers = frozenset({"g", "gs", "d", "ds", "dp", "dparams", "delta", "deltas"})
"""What people call a dict or an object that holds gradients, besides all that has ``grad`` in it."""


def paired(
    returned: Any,
    variables: Mapping[str, Any],
    held: Sequence[tuple[str, Any]],
    run: Run,
    wrt: Sequence[str] | None,
) -> dict[str, Any]:
    """The gradients by the name of the input that they belong to.

    Parameters
    ----------
    returned
        By the backward function.
    variables
        Of the backward function when it returned; they name what is returned.
    held
        By the object whose method it is, afterwards.
    run, wrt
        The run with its inputs, and the names in order where the user gave them.
    """
    floats = [name for name, number in run.inputs.items() if run.value(number).dtype.kind == "f"]
    if wrt is not None:
        unknown = [name for name in wrt if name not in run.inputs]
        if unknown:
            raise GradientError(f"wrt: there is no input {unknown[0]}", fix=f"one of {', '.join(run.inputs)}")
        _require_floats(wrt, run)
    named = {name: value for name, value in {**dict(held), **variables}.items() if _belongs(name, floats)}
    returned = _with_arrays(returned, floats, run)
    found = list(_flat(returned, "", {**variables, **named}))
    if not found:
        pairs = _by_name(held, floats, only_marked=True) or _by_container(held, floats, run)
        return _required(pairs, run, returned)
    run.nothing = _named_nothing(returned, wrt, floats)
    in_order = wrt is not None and isinstance(returned, tuple | list) and len(returned) == len(wrt)
    if wrt is not None and in_order and len(found) == sum(one is not None for one in returned):
        return {name: value for name, value in zip(wrt, returned, strict=True) if value is not None}
    if wrt is not None and len(found) == len(wrt):
        return {name: value for name, (_, value) in zip(wrt, found, strict=True)}
    pairs = _by_name(found, list(wrt) if wrt is not None else floats)
    missing = [(name, value) for name, value in found if not any(value is pair for pair in pairs.values())]
    # A variable that is named after no input, such as dz, is an intermediate; an expression has no name to go by.
    missing = [(name, value) for name, value in missing if not name or not pairs]
    if missing:
        fitting = _by_shape([value for _, value in missing], [name for name in floats if name not in pairs], run)
        pairs |= fitting
        if isinstance(returned, dict):
            run.fitted = {name: next(k for k, v in missing if v is value) for name, value in fitting.items()}
    run.unpaired = [name for name, value in found if not any(value is pair for pair in pairs.values())]
    run.unpaired += [""] * (_no_arrays(returned) - len(run.nothing))
    _require_all(pairs, run, wrt)
    return _required(pairs, run, returned)


def _required(pairs: dict[str, Any], run: Run, returned: Any) -> dict[str, Any]:
    if pairs:
        return pairs
    whole = [name for name, number in run.inputs.items() if run.value(number).dtype.kind in "iub"]
    _require_floats(_by_name([(str(key), key) for key in returned], whole) if isinstance(returned, dict) else (), run)
    if isinstance(returned, dict) and returned:
        raise GradientError(
            f"backward gives gradients by the names {', '.join(map(str, returned))}, which belong to no argument",
            fix=f"name them after the arguments, which are {', '.join(run.inputs)}; dW, grad_W and W all belong to W",
        )
    raise GradientError(
        f"which gradients the backward function gives is not clear (it returns {type(returned).__name__})",
        fix=f"return them by name, {{'W': dW}}, or say wrt=(…): the inputs are {', '.join(run.inputs)}",
    )


def _require_floats(names: Collection[str], run: Run) -> None:
    for name in names:
        dtype = run.value(run.inputs[name]).dtype
        if dtype.kind != "f":
            raise GradientError(
                f"{name} holds whole numbers ({dtype}), which cannot move a little: there is no gradient for it",
                fix=f"give it as floating numbers: {name}.astype(float)",
            )


def _require_all(pairs: Mapping[str, Any], run: Run, wrt: Sequence[str] | None) -> None:
    missing = [name for name in wrt or () if name not in pairs and name not in run.nothing]
    if missing:
        raise GradientError(
            f"wrt names {', '.join(wrt or ())}, but backward gives no gradient for {', '.join(missing)}",
            fix=f"wrt={tuple(name for name in wrt or () if name not in missing)!r}, or return the others, too",
        )


def _flat(tree: Any, name: str, variables: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """The arrays in what was returned, each under its key or the variable that holds it."""
    if isinstance(tree, dict):
        return [
            one for key, value in tree.items() for one in _flat(value, f"{name}.{key}" if name else str(key), variables)
        ]
    if isinstance(tree, list | tuple):
        if name:
            return [one for n, value in enumerate(tree) for one in _flat(value, f"{name}.{n}", variables)]
        return [one for value in tree for one in _flat(value, _variable(value, variables), variables)]
    if isinstance(tree, Recorded | np.ndarray | np.generic | float) or is_foreign(tree):
        return [(name or _variable(tree, variables), tree)]
    return []


def _with_arrays(returned: Any, inputs: Sequence[str], run: Run) -> Any:
    """A gradient that is a list of numbers as an array, where what it belongs to is one: was a list, or is."""
    vectors = [name for name in inputs if np.ndim(run.value(run.inputs[name]))]
    if isinstance(returned, dict):
        named = {key: _by_name([(str(key), value)], inputs) for key, value in returned.items()}
        own = {key: value for key, value in returned.items() if set(named[key]) & set(vectors)}
        return {**returned, **{key: _as_array(value, run) for key, value in own.items()}}
    if isinstance(returned, list) and len(vectors) == len(inputs) == 1:
        return _as_array(returned, run)
    if isinstance(returned, tuple) and len(returned) == len(inputs):
        pairs = zip(returned, inputs, strict=True)
        return tuple(_as_array(value, run) if name in vectors else value for value, name in pairs)
    return returned


def _as_array(value: Any, run: Run) -> Any:
    """A list of single numbers as an array; anything else as it is."""
    numbers = Recorded | np.generic | float | int | np.ndarray
    if not isinstance(value, list) or not value or any(not isinstance(one, numbers) or _shape(one) for one in value):
        return value
    recorded = any(isinstance(one, Recorded) for one in value)
    return run.tape.call(nested, (value,), {}) if recorded else np.asarray(value, np.float64)


def _named_nothing(returned: Any, wrt: Sequence[str] | None, inputs: Sequence[str]) -> list[str]:
    """The inputs for which None was returned, by key or by place."""
    if isinstance(returned, dict):
        empty = [str(key) for key, value in returned.items() if value is None]
        return list(_by_name([(key, key) for key in empty], inputs))
    if wrt is not None and isinstance(returned, tuple | list) and len(returned) == len(wrt):
        return [name for name, value in zip(wrt, returned, strict=True) if value is None]
    return []


def _no_arrays(tree: Any) -> int:
    """How many things were returned that are no gradients at all, such as None in the place of one."""
    if isinstance(tree, dict):
        return sum(map(_no_arrays, tree.values()))
    if isinstance(tree, list | tuple):
        return sum(map(_no_arrays, tree))
    return int(tree is None or isinstance(tree, str | bytes))


def _variable(value: Any, variables: Mapping[str, Any]) -> str:
    """The variable that holds a value; of several the last, for ``db = dz`` names what it is meant for."""
    return next((name for name, other in reversed(list(variables.items())) if other is value), "")


def _by_name(found: Sequence[tuple[str, Any]], inputs: Sequence[str], *, only_marked: bool = False) -> dict[str, Any]:
    """``dW1``, ``grad_W1``, ``W1_grad``, ``grads.W1``, ``layers.0.dW`` belong to W1 and layers.0.W."""
    pairs: dict[str, Any] = {}
    for path, value in found:
        *place, last = path.split(".")
        match = spelled.match(last)
        stem = match.group(1) if match else last
        inside = any("grad" in part.lower() or part.lower() in containers for part in place)
        if not path or (only_marked and stem == last and not inside):
            continue
        stems = (stem, last) if stem != last else (last,)
        for name in _names(place, (stem,) if only_marked and not inside else stems, inputs):
            if name not in pairs:
                pairs[name] = value
                break
    return pairs


def _by_container(held: Sequence[tuple[str, Any]], inputs: Sequence[str], run: Run) -> dict[str, Any]:
    """What the backward pass wrote under the name of an input into a container of its own, whatever that is called."""
    inside = [(path, value) for path, value in held if "." in path and path not in inputs]
    pairs = _by_name(inside, inputs)
    return {name: value for name, value in pairs.items() if _shape(value) == run.value(run.inputs[name]).shape}


def _belongs(path: str, inputs: Sequence[str]) -> bool:
    """Whether a variable is named after an input."""
    *place, last = path.split(".")
    match = spelled.match(last)
    return match is not None and match.group(1) != last and bool(_names(place, [match.group(1)], inputs))


def _names(place: Sequence[str], stems: Sequence[str], inputs: Sequence[str]) -> list[str]:
    """The inputs that a gradient may belong to, the likeliest first."""
    found: list[str] = []
    for stem in stems:
        full = ".".join([*place, stem]).lower()
        ends = [name for name in inputs if name.lower().split(".")[-1] == stem.lower()]
        tails = [name for name in ends if full.endswith(name.lower()) or name.lower().endswith(full)]
        found += tails or (ends if len(ends) == 1 else [])
        if not found and stem == stems[0]:
            begins = [name for name in inputs if name.lower().split(".")[-1].startswith(stem.lower())]
            found += begins if len(begins) == 1 else []
    return found


def _shape(value: Any) -> tuple[int, ...]:
    return np.shape(value.value if isinstance(value, Recorded) else numbers_of(value))


def _by_shape(values: Sequence[Any], inputs: Sequence[str], run: Run) -> dict[str, Any]:
    """In order, each the first input of its shape; as many as there are inputs, simply in order."""
    if len(values) == len(inputs):
        return dict(zip(inputs, values, strict=True))
    left, pairs = list(inputs), dict[str, Any]()
    for value in values:
        name = next(
            (n for n in left if run.value(run.inputs[n]).shape == _shape(value)),
            None,
        )
        if name is not None:
            left.remove(name)
            pairs[name] = value
    return pairs
