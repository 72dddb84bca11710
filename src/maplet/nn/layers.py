"""The layers of a multilayer perceptron, and `Sequential`, which runs one after another."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, overload

from maplet.core.array import Parameter, value_of
from maplet.core.types import is_integer, short_name
from maplet.errors import DataError, DTypeError, MapletError, ShapeError
from maplet.nn.construction import require_layers
from maplet.nn.given import first_wrong
from maplet.nn.initializers import Normal, as_initializer
from maplet.nn.module import Module
from maplet.ops.arguments import as_array, meet
from maplet.ops.contraction import matmul
from maplet.ops.indexing import take
from maplet.ops.movement import reshape
from maplet.ops.random import as_generator
from maplet.settings import flag, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from maplet.core.array import Array, ArrayLike
    from maplet.nn.initializers import Initializer
    from maplet.ops.random import Rng


standard_normal = Normal(0.0, 1.0)


class Sequential(Module):
    """Layers that are run one after another: x ↦ layerₙ(… layer₂(layer₁(x))).

    Parameters
    ----------
    *layers
        Modules, or functions of one array such as ``mp.relu``.

    Examples
    --------
    >>> net = Sequential(Linear(4, 3), Linear(3, 2))
    >>> len(net), net[1]
    (2, Linear(3, 2))
    """

    def __init__(self, *layers: Any) -> None:
        require_layers("Sequential", *layers)
        self.layers = list(layers)

    def forward(self, x: Any) -> Any:
        """The output of the last layer."""
        for n, layer in enumerate(self.layers):
            try:
                x = layer(x)
            except MapletError as error:
                if n and isinstance(x, tuple):
                    likely = (
                        f"{type(self.layers[n - 1]).__name__} gives a tuple; behind a recurrent layer, Outputs() or "
                        "FinalOutput() takes out of it what the next layer needs"
                    )
                    error.fix = f"{likely}; or {error.fix}" if error.fix else likely
                raise
        return x

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator[Callable[[Any], Any]]:
        return iter(self.layers)

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> Sequential: ...
    def __getitem__(self, index: int | slice) -> Any:
        return Sequential(*self.layers[index]) if isinstance(index, slice) else self.layers[index]


class Linear(Module):
    """y = x W + b, also called a fully connected or dense layer.

    Parameters
    ----------
    in_features, out_features
        The length of the last axis of the input and of the output. The axes before it may be any.
    bias
        Whether there is a b.
    weight_init, bias_init
        Name of an initializer, or a function ``(shape, generator) -> Array``. By default W is drawn uniformly from
        ±√(3 / in_features) ("lecun_uniform"), whose variance 1 / in_features lets a signal of variance 1 out with
        variance 1, and b is 0. (PyTorch's ±√(1 / in_features) shrinks the variance to a third in every layer.) Deep
        nets of ReLUs halve it in each activation; ``"he_uniform"`` makes up for that.
    rng
        Where the weights are drawn from: a `Generator`, a seed, or None for the default generator.

    Attributes
    ----------
    weight
        (in_features, out_features), float32.
    bias
        (out_features,), float32, or None.

    Raises
    ------
    ShapeError
        If the last axis of the input has another length.

    Examples
    --------
    >>> import maplet as mp
    >>> layer = Linear(2, 1, weight_init="ones")
    >>> layer(mp.asarray([[1.0, 2.0], [3.0, 4.0]]))
    Array([[3.],
           [7.]], dtype=float32)
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        bias: bool = True,
        weight_init: str | Initializer = "lecun_uniform",
        bias_init: str | Initializer = "zeros",
        rng: Rng = None,
    ) -> None:
        self.in_features = whole("Linear: in_features", in_features, least=1)
        self.out_features = whole("Linear: out_features", out_features, least=1)
        self.weight_init, self.bias_init = weight_init, bias_init
        generator = as_generator(rng)
        self.weight = Parameter(as_initializer(weight_init)((self.in_features, self.out_features), generator))
        self.bias = (
            Parameter(as_initializer(bias_init)((self.out_features,), generator))
            if flag("Linear: bias", bias)
            else None
        )

    def forward(self, x: ArrayLike) -> Array:
        """(…, in_features) ↦ (…, out_features)."""
        x, weight = meet(x, self.weight)
        if not x.shape or x.shape[-1] != self.in_features:
            raise self._misfit(x.shape)
        y = matmul(x, weight)
        return y if self.bias is None else y + self.bias

    def _misfit(self, shape: tuple[int, ...]) -> ShapeError:
        n = self.in_features
        fix = (
            f"give the layer in_features={shape[-1]}, or make what comes before it give {n} features"
            if shape
            else "give an array"
        )
        if len(shape) > 1 and prod(shape[1:]) == n:
            fix = "put Flatten() before it"
        elif len(shape) == 2 and shape[0] == n:
            fix = "transpose the input: its rows are the examples, its columns the features"
        return ShapeError(f"Linear({n}, {self.out_features}) takes (…, {n}), given {shape}", fix=fix)


class Flatten(Module):
    """All axes but the first become one: (N, …) ↦ (N, product of the rest).

    Examples
    --------
    >>> import maplet as mp
    >>> Flatten()(mp.zeros((5, 8, 8))).shape
    (5, 64)
    """

    def forward(self, x: ArrayLike) -> Array:
        """(N, …) ↦ (N, product of the rest)."""
        x = as_array(x)
        if not x.shape:
            raise ShapeError(
                "Flatten() takes (N, …), given a single number",
                fix="give a batch, whose first axis counts the examples",
            )
        return reshape(x, (x.shape[0], prod(x.shape[1:])))


class Embedding(Module):
    """A row of a table for each integer: y = W[x].

    Parameters
    ----------
    num_embeddings
        How many rows the table has; the input is from 0 to one less.
    features
        The length of a row.
    weight_init
        How the table begins; by default normal with deviation 1.
    rng
        Where the table is drawn from.

    Attributes
    ----------
    weight
        (num_embeddings, features), float32.

    Examples
    --------
    >>> import maplet as mp
    >>> Embedding(10, 4)(mp.asarray([[1, 2, 3]])).shape
    (1, 3, 4)
    """

    def __init__(
        self, num_embeddings: int, features: int, *, weight_init: str | Initializer = standard_normal, rng: Rng = None
    ) -> None:
        self.num_embeddings = whole("Embedding: num_embeddings", num_embeddings, least=1)
        self.features = whole("Embedding: features", features, least=1)
        self.weight_init = weight_init
        self.weight = Parameter(as_initializer(weight_init)((self.num_embeddings, self.features), as_generator(rng)))

    def forward(self, x: ArrayLike) -> Array:
        """(…) integers ↦ (…, features)."""
        x = as_array(x)
        if not is_integer(x.dtype):
            raise DTypeError(
                f"Embedding takes integers, given {short_name(x.dtype)}", fix="convert with x.astype(mp.int64)"
            )
        value = value_of(x)
        rows = self.num_embeddings
        found = None if value is None else first_wrong("x", value, (value < 0) | (value >= rows))
        if found:
            fix = "number the categories from 0, and make num_embeddings one more than the last"
            raise DataError(f"Embedding({rows}, {self.features}) has rows 0 to {rows - 1}, but {found}", fix=fix)
        return take(self.weight, x, axis=0)
