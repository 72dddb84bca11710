"""Module: a function with parameters, written as an ordinary Python class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from maplet.core.advice import for_modules, no_attribute
from maplet.core.array import Array, Parameter, assign, set_state, to_numpy
from maplet.core.context import entered, locate
from maplet.core.tree import Stateful, leaves, misfits, objects
from maplet.core.types import as_dtype, is_floating
from maplet.errors import DTypeError, MapletError, ShapeError
from maplet.nn.construction import constructor_parameters
from maplet.nn.display import representation
from maplet.nn.summary import summarise
from maplet.ops.random import Generator

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Self

built_in: dict[str, type[Module]] = {}
"""Every layer that maplet itself defines, by class name; `architecture.build` makes nothing else."""


class Module(Stateful):
    """A function with parameters: the base of every layer and every network.

    Define ``__init__``, which sets attributes, and ``forward``, which computes; call the object to run it. Every
    `Parameter`, `Array`, module, or list, tuple or dict of them that is an attribute belongs to the module, under the
    name of its path: ``layers.0.weight``. One that stands in two places is one (tied weights). There is nothing to
    register and no ``super().__init__()`` to call.

    An array that is no `Parameter`, such as a running mean, is state: saved, but not trained. What ``forward`` sets
    (``self.mean = …``) is kept after the call, also under ``mp.grad``.

    Attributes
    ----------
    training
        Whether the module is being trained; `train` and `eval` set it in the whole tree. `Dropout` looks at it.

    Examples
    --------
    >>> import maplet as mp
    >>> from maplet import nn
    >>> class Scale(nn.Module):
    ...     def __init__(self, features):
    ...         self.factor = mp.Parameter(mp.ones((features,)))
    ...
    ...     def forward(self, x):
    ...         return x * self.factor
    >>> net = nn.Sequential(nn.Linear(3, 2), Scale(2))
    >>> list(net.parameters())
    ['layers.0.weight', 'layers.0.bias', 'layers.1.factor']
    """

    training: bool = True

    def __init_subclass__(cls, *, abstract: bool = False, **kwargs: Any) -> None:
        """Enter a layer of maplet itself into the list of those; ``abstract`` says that it is but a base of layers."""
        super().__init_subclass__(**kwargs)
        # No layer is defined in this very file, but the example above is, when it runs as a test.
        if cls.__module__.startswith("maplet.nn.") and cls.__module__ != __name__ and not abstract:
            built_in[cls.__name__] = cls

    def _forward_missing(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError(
            f"{type(self).__name__} has no forward method: define forward(self, x), which computes the output"
        )

    # An attribute and not a method, so that a subclass may give forward whatever arguments it wants.
    forward: Callable[..., Any] = _forward_missing

    if not TYPE_CHECKING:  # a checker would take it that a module has every attribute

        def __getattr__(self, name: str) -> object:
            """Called for a name that is not there."""
            if name in for_modules:
                raise no_attribute(type(self).__name__, name, for_modules)
            return object.__getattribute__(self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute; what is a parameter stays one, so that ``net.w = net.w - 0.1 * g`` does not freeze it."""
        before = vars(self).get(name)
        if isinstance(before, Parameter) and isinstance(value, Array) and not isinstance(value, Parameter):
            value = Parameter(value, trainable=before.trainable)
        super().__setattr__(name, value)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run ``forward``; an error inside says in which layer and at which line of yours."""
        with entered(self):
            try:
                return self.forward(*args, **kwargs)
            except MapletError as error:
                if error.layer is None:  # else a layer inside has failed
                    shown = representation(self)
                    error.layer = type(self).__name__ if "\n" in shown else shown
                locate(error)
                raise

    # ── what it holds ────────────────────────────────────────────────────────────────────────────

    def parameters(self) -> dict[str, Parameter]:
        """Every parameter by name, tied ones once, in order of definition; frozen ones too."""
        return {name: leaf for name, leaf in leaves(self).items() if isinstance(leaf, Parameter)}

    def state(self) -> dict[str, Array]:
        """Every array by name: parameters, running statistics, the state of generators. What a saved model holds."""
        return leaves(self)

    def modules(self) -> dict[str, Module]:
        """The module itself, under the name ``""``, and every module inside it by path, each once."""
        return {path: found for path, found in objects(self).items() if isinstance(found, Module)}

    def settings(self) -> dict[str, Any]:
        """The arguments of the constructor, as far as they are kept in attributes of the same names.

        Of ``bias=True`` and its kin the attribute is the array itself, or None; the setting is whether there is one.
        """
        own = vars(self)
        return {
            name: own[name] is not None
            if isinstance(parameter.default, bool) and not isinstance(own[name], bool)
            else own[name]
            for name, parameter in constructor_parameters(type(self)).items()
            if name in own
        }

    def load_state(self, state: Mapping[str, Any]) -> Self:
        """Take over the values of `state`, or of NumPy arrays under the same names.

        The handles stay and get new values, so tied weights stay tied. Nothing is changed unless everything fits.

        Raises
        ------
        ShapeError
            Names every entry that is missing, unexpected, or of another shape or dtype.
        """
        own = leaves(self)
        new = {name: Array(value) for name, value in state.items()}
        problems = misfits(own, new)
        if problems:
            raise ShapeError(
                f"the state does not fit this {type(self).__name__}:\n  " + "\n  ".join(problems),
                fix="build the module with the settings of the saved one; net.astype changes the dtype",
            )
        for name, leaf in own.items():
            assign(leaf, new[name])
        return self

    def astype(self, dtype: Any) -> Self:
        """Convert every floating array of the tree, in place; the handles stay."""
        new = as_dtype(dtype)
        if not is_floating(new):
            raise DTypeError(
                f"the weights of a module are floating numbers, not {new}", fix='choose "float32" or "float64"'
            )
        for leaf in leaves(self).values():
            if is_floating(leaf.dtype):
                set_state(leaf, to_numpy(leaf, new), None, None)
        return self

    # ── modes ────────────────────────────────────────────────────────────────────────────────────

    def train(self) -> Self:
        """Switch the whole tree to training."""
        return self._set_training(on=True)

    def eval(self) -> Self:
        """Switch the whole tree to inference: dropout rests."""
        return self._set_training(on=False)

    def _set_training(self, *, on: bool) -> Self:
        for module in self.modules().values():
            module.training = on
        return self

    def freeze(self) -> Self:
        """Exclude every parameter of the tree from training."""
        return self._set_trainable(on=False)

    def unfreeze(self) -> Self:
        """Let every parameter of the tree be trained."""
        return self._set_trainable(on=True)

    def _set_trainable(self, *, on: bool) -> Self:
        for parameter in self.parameters().values():
            parameter.trainable = on
        return self

    def reseed(self, seed: int) -> Self:
        """Start every random generator of the tree anew, each on a stream of its own of this seed."""
        root = Generator(seed)
        found = [generator for generator in objects(self).values() if isinstance(generator, Generator)]
        for stream, generator in enumerate(found):
            start = root.fold_in(stream)
            generator.key, generator.draws = start.key, start.draws
        return self

    # ── how it is shown ──────────────────────────────────────────────────────────────────────────

    def summary(self, *inputs: Any, dtype: Any = "float32", **options: Any) -> str:
        """A table of the layers: name, settings, output shape, parameters and FLOPs.

        A row speaks of the layer by itself, so that the columns add up: the numbers of the layers in it stand in rows
        of their own. FLOPs are the floating-point operations of one forward pass at inference, counted in the traced
        program; `maplet.transforms.flops` says what counts. Where not all parameters are trained, or some are tied to
        others, one more column says which.

        Parameters
        ----------
        *inputs
            What `forward` takes, each as its whole shape, batch included, or as an array; without any, neither output
            shapes nor FLOPs are shown.
        dtype
            The dtype of what is given as a shape; an `Embedding` takes integers.
        **options
            What `forward` takes by name.

        Examples
        --------
        >>> from maplet import nn
        >>> print(nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2)).summary((1, 4)))
        layer     type          output  parameters  FLOPs
        -------------------------------------------------
                  Sequential    (1, 2)
        layers.0  Linear(4, 3)  (1, 3)          15     27
        layers.1  ReLU()        (1, 3)
        layers.2  Linear(3, 2)  (1, 2)           8     14
        -------------------------------------------------
        23 parameters, all trained; 41 FLOPs, where a multiply-add is two
        """
        return summarise(self, inputs, options, dtype)

    def __repr__(self) -> str:
        return representation(self)
