"""A network as plain data and back: what is saved instead of a pickle.

A description is JSON: ``{"type": "Linear", "in_features": 64, …}``, nested for `Sequential`. It says which built-in
layers with which settings; the weights are saved beside it (`Module.state`). Only classes of maplet itself are ever
made from it, so a file from a stranger can run no code.
"""

from __future__ import annotations

import inspect
from dataclasses import asdict, dataclass, is_dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from maplet.core.tree import objects, places
from maplet.core.types import kind_of
from maplet.errors import CheckpointError
from maplet.nn.activations import activations
from maplet.nn.construction import constructor_parameters
from maplet.nn.initializers import own_kinds
from maplet.nn.module import Module, built_in
from maplet.ops.creation import zeros
from maplet.ops.random import Generator, as_generator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maplet.core.array import Array
    from maplet.ops.random import Rng

Description = dict[str, Any]

initializer_types: dict[str, type[Any]] = {cls.__name__: cls for cls in own_kinds}
own_class = "whoever loads it gives an instance of it: mp.load(path, net=MyNet(...))"


# ── to data ──────────────────────────────────────────────────────────────────────────────────────


def describe(module: Module) -> Description:
    """A network of built-in layers as JSON data.

    Besides the settings it holds what is tied, what is frozen, and the dtype where that is not float32. A function of
    one's own as initializer is left out, since the weights that it made are saved themselves.

    Raises
    ------
    CheckpointError
        If the network holds a class or function of one's own, or was changed in a way that its settings do not tell.

    Examples
    --------
    >>> from maplet import nn
    >>> describe(nn.Sequential(nn.Dropout(0.5), nn.Tanh()))
    {'type': 'Sequential', 'layers': [{'type': 'Dropout', 'rate': 0.5}, {'type': 'Tanh'}]}
    """
    description = cast("Description", _encode(module, "", {}))
    own = module.state()
    floating = {leaf.dtype.name for leaf in own.values() if kind_of(leaf.dtype) == "f"}
    if len(floating) == 1 and floating != {"float32"}:
        description["dtype"] = floating.pop()
    tied = _tied(module, build(description, initialize=False))
    if tied:
        description["tied"] = tied
    frozen = [name for name, parameter in module.parameters().items() if not parameter.trainable]
    if frozen:
        description["frozen"] = frozen
    rebuilt = build(description, initialize=False).state()
    changed = [
        name
        for name in {**own, **rebuilt}
        if name not in own or name not in rebuilt or own[name].type != rebuilt[name].type
    ]
    if changed:
        raise CheckpointError(
            f"{', '.join(changed)}: not what the settings of the layers say, so this network cannot be saved as data",
            fix="make it a class of your own, and load it with mp.load(path, net=MyNet(...))",
        )
    return description


def _encode(value: Any, path: str, met: dict[int, str]) -> Any:
    if isinstance(value, Module):
        if id(value) in met:
            return {"same": met[id(value)]}
        met[id(value)] = path
        return _encode_module(value, path, met)
    if isinstance(value, np.generic):
        return cast("object", value.item())
    if value is None or isinstance(value, bool | int | float | str):
        return cast("object", value)
    if isinstance(value, list | tuple):
        return [_encode(item, f"{path}.{n}", met) for n, item in enumerate(cast("list[Any]", value))]
    if type(value) in initializer_types.values() and is_dataclass(value):
        return {"initializer": type(value).__name__, **asdict(cast("Any", value))}
    name = getattr(value, "__name__", type(value).__name__)
    advice = f"nn.{activations[name].__name__}() does the same" if name in activations else own_class
    raise CheckpointError(f"{path} is {name}, no layer of maplet", fix=advice)


def _encode_module(module: Module, path: str, met: dict[int, str]) -> Description:
    name = type(module).__name__
    if built_in.get(name) is not type(module):
        article = "an" if name[0] in "AEIOU" else "a"
        raise CheckpointError(f"{path or 'the network'} is {article} {name}, a class of your own", fix=own_class)
    description: Description = {"type": name}
    for setting, value in module.settings().items():
        if setting.endswith("_init") and callable(value) and type(value) not in initializer_types.values():
            continue
        description[setting] = _encode(value, f"{path}.{setting}" if path else setting, met)
    return description


def _tied(module: Module, rebuilt: Module) -> dict[str, str]:
    """Where an array of the network stands that is one with an earlier one, though its layers are two."""
    first = {id(leaf): name for name, leaf in module.state().items()}
    standing = {name: first[id(found)] for name, found in places(module) if id(found) in first}
    return {name: standing[name] for name in rebuilt.state() if standing.get(name, name) != name}


# ── from data ────────────────────────────────────────────────────────────────────────────────────


def build(description: Description, *, initialize: bool = True, rng: Rng = None) -> Module:
    """The network that a description describes.

    Parameters
    ----------
    description
        What `describe` gave.
    initialize
        Whether to draw weights; without, they are 0 and wait for `Module.load_state`.
    rng
        Where the weights are drawn from.

    Raises
    ------
    CheckpointError
        If the data is no description, or names a class that is not a layer of maplet.

    Examples
    --------
    >>> build({"type": "Linear", "in_features": 3, "out_features": 2})
    Linear(3, 2)
    """
    try:
        root = {key: value for key, value in description.items() if key not in ("dtype", "tied", "frozen")}
        module = _Builder(initialize=initialize, rng=as_generator(rng) if initialize else Generator(0)).module(root, "")
        for name, first in description.get("tied", {}).items():
            owner, _, attribute = name.rpartition(".")
            setattr(objects(module)[owner], attribute, module.state()[first])
        for name in description.get("frozen", []):
            module.parameters()[name].trainable = False
        return module.astype(description["dtype"]) if "dtype" in description else module
    except CheckpointError:
        raise
    except (ArithmeticError, AttributeError, IndexError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise CheckpointError(f"this is no description of a network: {type(error).__name__}: {error}") from error


@dataclass(frozen=True)
class _Unused:
    """Zeros in place of weights that are loaded anyway, until the initializer that was meant takes its place again."""

    meant: Any

    def __call__(self, shape: Sequence[int], generator: Generator) -> Array:  # noqa: ARG002  (nothing is drawn)
        return zeros(tuple(shape))


class _Builder:
    """Makes modules from data, and remembers them by path, for those that stand in several places."""

    def __init__(self, *, initialize: bool, rng: Generator) -> None:
        self.initialize = initialize
        self.rng = rng
        self.made: dict[str, Module] = {}

    def module(self, data: Any, path: str) -> Module:
        """One module and what is in it."""
        if "same" in data:
            return self.made[data["same"]]
        name = data.get("type")
        if name not in built_in:
            raise CheckpointError(
                f"{path or 'the network'} is of type {name!r}, which is no layer of maplet", fix=own_class
            )
        parameters = constructor_parameters(built_in[name])
        positional: list[Any] = []
        settings: dict[str, Any] = {}
        for setting, value in data.items():
            if setting == "type":
                continue
            inner = f"{path}.{setting}" if path else setting
            if setting == "rng" or setting not in parameters:
                raise CheckpointError(
                    f"{inner}: {name} has no such setting", fix="was the file written by a newer version of maplet?"
                )
            if parameters[setting].kind is inspect.Parameter.VAR_POSITIONAL:
                positional += self._decode(value, inner)
            else:
                settings[setting] = self._decode(value, inner)
        made = self._construct(built_in[name], positional, settings)
        self.made[path] = made
        return made

    def _construct(self, cls: type[Module], positional: list[Any], settings: dict[str, Any]) -> Module:
        parameters = constructor_parameters(cls)
        initial = {
            setting: settings.get(setting, parameters[setting].default)
            for setting in parameters
            if setting.endswith("_init")
        }
        blank = {} if self.initialize else {setting: _Unused(value) for setting, value in initial.items()}
        rng = {"rng": self.rng} if "rng" in parameters else {}
        module = cls(*positional, **{**settings, **blank, **rng})
        for part in module.modules().values():  # a layer may have handed it on to layers inside
            for setting, value in list(vars(part).items()):
                if isinstance(value, _Unused):
                    setattr(part, setting, value.meant)
        return module

    def _decode(self, data: Any, path: str) -> Any:
        if isinstance(data, list):
            return [self._decode(item, f"{path}.{n}") for n, item in enumerate(cast("list[Any]", data))]
        if not isinstance(data, dict):
            return data
        entries = cast("dict[str, Any]", data)
        if "initializer" in entries:
            return initializer_types[entries["initializer"]](
                **{key: value for key, value in entries.items() if key != "initializer"}
            )
        return self.module(entries, path)
