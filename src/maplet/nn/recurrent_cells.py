"""Recurrent cells: one step in time, state and input ↦ the next state. The layers of `recurrent` run them.

What a cell does with the input alone, x W + b, is kept apart from what it does with the state (`project` and `step`):
the first needs no past, so that a layer computes it for all times in one product, before its loop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from maplet.core.array import Array, Parameter
from maplet.errors import SettingError
from maplet.nn.initializers import as_initializer
from maplet.nn.module import Module
from maplet.nn.sequences import as_features, as_given, with_state
from maplet.ops.activations import relu
from maplet.ops.contraction import matmul
from maplet.ops.elementwise import sigmoid, tanh
from maplet.ops.random import as_generator
from maplet.ops.slicing import concat, slice_along
from maplet.settings import choice, flag, real, whole

if TYPE_CHECKING:
    from maplet.core.array import ArrayLike
    from maplet.nn.initializers import Initializer
    from maplet.ops.random import Generator, Rng

State = Array | tuple[Array, ...]
"""What is handed from step to step: h, or (h, c) of an LSTM."""


class Cell(Module, abstract=True):
    """What all cells share: their parameters, and how they are called.

    The parts of `weight`, `recurrent_weight` and `bias` that belong to the gates lie side by side along the last axis,
    in the order of the equations. Each is drawn by itself, so that an initializer sees the inputs and outputs of one
    gate.
    """

    gates: ClassVar[int]
    state_names: ClassVar[tuple[str, ...]] = ("h",)

    def __init__(
        self,
        in_features: int,
        hidden_features: int,
        *,
        bias: bool = True,
        weight_init: str | Initializer = "lecun_uniform",
        recurrent_init: str | Initializer | None = None,
        bias_init: str | Initializer = "zeros",
        rng: Rng = None,
    ) -> None:
        name = type(self).__name__
        self.in_features = whole(f"{name}: in_features", in_features, least=1)
        self.hidden_features = whole(f"{name}: hidden_features", hidden_features, least=1)
        self.weight_init, self.recurrent_init, self.bias_init = weight_init, recurrent_init, bias_init
        generator = as_generator(rng)
        among_states = weight_init if recurrent_init is None else recurrent_init
        self.weight = Parameter(self._drawn(weight_init, self.in_features, generator))
        self.recurrent_weight = Parameter(self._drawn(among_states, self.hidden_features, generator))
        self.bias = Parameter(self._drawn_bias(self.gates, generator)) if flag(f"{name}: bias", bias) else None

    def _drawn(self, given: str | Initializer, rows: int, generator: Generator) -> Array:
        initializer = as_initializer(given)
        return concat([initializer((rows, self.hidden_features), generator) for _ in range(self.gates)], axis=1)

    def _drawn_bias(self, gates: int, generator: Generator) -> Array:
        return as_initializer(self.bias_init)((gates * self.hidden_features,), generator)

    # ── one step ─────────────────────────────────────────────────────────────────────────────────

    def project(self, x: Array) -> Array:
        """What the input gives to each gate, x W + b: (…, in_features) ↦ (…, gates · hidden_features)."""
        y = matmul(x, self.weight)
        return y if self.bias is None else y + self.bias

    def step(self, projected: Array, *state: Array) -> tuple[Array, ...]:
        """The arrays of the next state, of which the first is the output."""
        raise NotImplementedError

    def split(self, gates: Array) -> list[Array]:
        """(…, gates · hidden_features) taken apart: one array for each gate."""
        n = self.hidden_features
        return [slice_along(gates, gates.ndim - 1, start, start + n) for start in range(0, gates.shape[-1], n)]

    def forward(self, x: ArrayLike, state: State | None = None) -> State:
        """(…, in_features) and a state of arrays (…, hidden_features) ↦ the next state, of the same form.

        Without a state, the one before is 0.
        """
        name = f"{type(self).__name__}({self.in_features}, {self.hidden_features})"
        x = as_features(name, x, self.in_features)
        shape = (*x.shape[:-1], self.hidden_features)
        x, before = with_state(name, x, self.weight, state, names=self.state_names, shape=shape)
        return as_given(self.step(self.project(x), *before))


class RNNCell(Cell):
    """The plain recurrent cell, h' = tanh(x W + b + h U), or with relu in the place of tanh.

    Source: J. Elman, "Finding structure in time", Cognitive Science 14, 1990.

    Parameters
    ----------
    in_features, hidden_features
        The length of the last axis of the input, and of the state.
    activation
        ``"tanh"`` or ``"relu"``.
    bias
        Whether there is a b.
    weight_init, recurrent_init, bias_init
        How W begins (see `Linear`), U, by default as W, and b.
    rng
        Where the weights are drawn from.

    Attributes
    ----------
    weight, recurrent_weight, bias
        W, (in_features, hidden_features); U, (hidden_features, hidden_features); b, (hidden_features,), or None.

    Examples
    --------
    >>> import maplet as mp
    >>> cell = RNNCell(1, 1, weight_init="ones")
    >>> h = cell(mp.asarray([[0.5]]))
    >>> cell(mp.asarray([[0.5]]), h)
    Array([[0.74...]], dtype=float32)
    """

    gates = 1

    def __init__(
        self,
        in_features: int,
        hidden_features: int,
        *,
        activation: Literal["tanh", "relu"] = "tanh",
        bias: bool = True,
        weight_init: str | Initializer = "lecun_uniform",
        recurrent_init: str | Initializer | None = None,
        bias_init: str | Initializer = "zeros",
        rng: Rng = None,
    ) -> None:
        choice(f"{type(self).__name__}: activation", activation, ("tanh", "relu"))
        self.activation = activation
        super().__init__(
            in_features, hidden_features, bias=bias,
            weight_init=weight_init, recurrent_init=recurrent_init, bias_init=bias_init, rng=rng,
        )  # fmt: skip

    def step(self, projected: Array, *state: Array) -> tuple[Array, ...]:
        """(h',)."""
        activate = tanh if self.activation == "tanh" else relu
        return (activate(projected + matmul(state[0], self.recurrent_weight)),)


class LSTMCell(Cell):
    """Long short-term memory: beside h a memory c, which gates write (i), keep (f) and read (o).

    ::

        i, f, o = σ(x W + b + h U)      each with its own part of W, b and U
        g       = tanh(x W + b + h U)
        c'      = f ∘ c + i ∘ g
        h'      = o ∘ tanh(c')

    The parts lie in the order i, f, g, o, as in PyTorch, whose two biases are added up in one here.

    Source: S. Hochreiter, J. Schmidhuber, "Long short-term memory", Neural Computation 9, 1997; the gate f: F. Gers,
    J. Schmidhuber, F. Cummins, "Learning to forget", Neural Computation 12, 2000.

    Parameters
    ----------
    in_features, hidden_features
        The length of the last axis of the input, and of h and c.
    forget_bias
        What is added to the part of f in the bias as it begins. With 1 a new cell keeps σ(1) = 73 % of its memory in a
        step and not half of it, which helps where the past matters (R. Jozefowicz, W. Zaremba, I. Sutskever, "An
        empirical exploration of recurrent network architectures", ICML 2015).
    bias
        Whether there is a b.
    weight_init, recurrent_init, bias_init
        How W begins (see `Linear`), U, by default as W, and b.
    rng
        Where the weights are drawn from.

    Attributes
    ----------
    weight, recurrent_weight, bias
        W, (in_features, 4 · hidden_features); U, (hidden_features, 4 · hidden_features); b, (4 · hidden_features,), or
        None.

    Examples
    --------
    >>> import maplet as mp
    >>> cell = LSTMCell(3, 4, forget_bias=1.0)
    >>> h, c = cell(mp.ones((2, 3)))
    >>> h, c = cell(mp.ones((2, 3)), (h, c))
    >>> h.shape, c.shape
    ((2, 4), (2, 4))
    """

    gates = 4
    state_names = ("h", "c")

    def __init__(
        self,
        in_features: int,
        hidden_features: int,
        *,
        forget_bias: float = 0.0,
        bias: bool = True,
        weight_init: str | Initializer = "lecun_uniform",
        recurrent_init: str | Initializer | None = None,
        bias_init: str | Initializer = "zeros",
        rng: Rng = None,
    ) -> None:
        self.forget_bias = real("LSTMCell: forget_bias", forget_bias)
        if forget_bias and not bias:
            raise SettingError(
                f"LSTMCell: forget_bias={forget_bias!r} and bias=False: there is no bias to begin with it",
                fix="leave out one of the two",
            )
        super().__init__(
            in_features, hidden_features, bias=bias,
            weight_init=weight_init, recurrent_init=recurrent_init, bias_init=bias_init, rng=rng,
        )  # fmt: skip

    def _drawn_bias(self, gates: int, generator: Generator) -> Array:
        i, f, g, o = self.split(super()._drawn_bias(gates, generator))
        return concat([i, f + self.forget_bias, g, o], axis=-1)

    def step(self, projected: Array, *state: Array) -> tuple[Array, ...]:
        """(h', c')."""
        h, c = state
        i, f, g, o = self.split(projected + matmul(h, self.recurrent_weight))
        c = sigmoid(f) * c + sigmoid(i) * tanh(g)
        return sigmoid(o) * tanh(c), c


class GRUCell(Cell):
    """The gated recurrent unit: a mean of the old state and a candidate n, weighted by a gate z.

    ::

        r, z = σ(x W + b + h U)               each with its own part of W, b and U
        n    = tanh(x W + b + r ∘ (h U + d))  with the candidate's part of W, b and U, and a bias d of its own
        h'   = (1 − z) ∘ n + z ∘ h

    The parts lie in the order r, z, n, as in PyTorch, whose two biases of r and of z are added up in one here. As
    there, the gate r is applied after the product with U, and not before it.

    Source: K. Cho et al., "Learning phrase representations using RNN encoder-decoder for statistical machine
    translation", EMNLP 2014.

    Parameters
    ----------
    in_features, hidden_features
        The length of the last axis of the input, and of the state.
    bias
        Whether there are b and d.
    weight_init, recurrent_init, bias_init
        How W begins (see `Linear`), U, by default as W, and b and d.
    rng
        Where the weights are drawn from.

    Attributes
    ----------
    weight, recurrent_weight, bias
        W, (in_features, 3 · hidden_features); U, (hidden_features, 3 · hidden_features); b, (3 · hidden_features,), or
        None.
    candidate_bias
        d, (hidden_features,), or None.

    Examples
    --------
    >>> import maplet as mp
    >>> GRUCell(3, 4)(mp.ones((2, 3))).shape
    (2, 4)
    """

    gates = 3

    def __init__(
        self,
        in_features: int,
        hidden_features: int,
        *,
        bias: bool = True,
        weight_init: str | Initializer = "lecun_uniform",
        recurrent_init: str | Initializer | None = None,
        bias_init: str | Initializer = "zeros",
        rng: Rng = None,
    ) -> None:
        generator = as_generator(rng)
        super().__init__(
            in_features, hidden_features, bias=bias,
            weight_init=weight_init, recurrent_init=recurrent_init, bias_init=bias_init, rng=generator,
        )  # fmt: skip
        self.candidate_bias = Parameter(self._drawn_bias(1, generator)) if bias else None

    def step(self, projected: Array, *state: Array) -> tuple[Array, ...]:
        """(h',)."""
        (h,) = state
        (input_r, input_z, input_n), (r, z, n) = self.split(projected), self.split(matmul(h, self.recurrent_weight))
        r, z = sigmoid(input_r + r), sigmoid(input_z + z)
        n = n if self.candidate_bias is None else n + self.candidate_bias
        n = tanh(input_n + r * n)
        return (n + z * (h - n),)
