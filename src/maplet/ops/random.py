"""Random numbers: generators, whose state is a key and the number of the next draw.

A number is a function of its position: the key, the number of the draw, and the index of the element. The bits come
from `maplet.ops.philox`, what is made of them from `maplet.ops.distributions`.
"""

from __future__ import annotations

from math import prod
from threading import RLock
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias, cast

import numpy as np

from maplet.core.advice import no_attribute
from maplet.core.array import Array
from maplet.core.context import located, thread
from maplet.core.trace import bind
from maplet.core.tree import Stateful
from maplet.core.types import as_dtype, default_float, default_int, is_floating, is_integer, short_name
from maplet.errors import DTypeError, SettingError, ShapeError, TraceError
from maplet.ops import distributions as numbers
from maplet.ops import reduction, rejection
from maplet.ops.arguments import as_array, as_shape, broadcast_shape, convert
from maplet.ops.creation import arange, zeros
from maplet.ops.distributions import float64, uint64
from maplet.ops.identity import stop_gradient
from maplet.ops.indexing import take
from maplet.ops.movement import broadcast_to, reshape
from maplet.ops.portable import portable_exp
from maplet.ops.slicing import concat, stack
from maplet.ops.sorting import argsort
from maplet.settings import whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maplet.core.array import ArrayLike

    Rng: TypeAlias = "Generator | np.random.Generator | int | None"
    ShapeLike: TypeAlias = "int | Sequence[int] | None"

__all__ = ["Generator", "as_generator", "default", "seed"]

piece = 1 << 16  # numbers that are made of their bits together, outside of a trace
_one_by_one = RLock()  # held while the number of a draw is read and advanced, so that no two threads get the same


def _floating(kind: str, dtype: Any) -> np.dtype[Any]:
    found = as_dtype(dtype)
    if not is_floating(found):
        raise DTypeError(f"{kind} numbers are floating, not {short_name(found)}")
    return found


class Generator(Stateful):
    """A stream of random numbers; part of the state of what holds it.

    Every method that draws advances the generator by exactly one draw, whatever the shape. Threads that share a
    generator never get the same draw, except in traced functions: give each thread its own there. Without ``shape`` the
    numbers have the shape of the parameters; with it, the parameters are broadcast to it. Floating numbers are computed
    in float64 and rounded once to ``dtype``. Parameters outside their range are refused where their numbers are known,
    also inside `mp.grad`; in a traced function, where they are not, the result is NaN or unspecified.

    Parameters
    ----------
    seed
        Any integer from 0 to 2⁶⁴ − 1.

    Examples
    --------
    >>> import maplet as mp
    >>> g = mp.random.Generator(0)
    >>> bool(mp.all(g.uniform((2,)) != g.uniform((2,))))
    True
    """

    @located
    def __init__(self, seed: int = 0) -> None:
        self.key = Array(np.uint64(whole("seed", seed, least=0, most=2**64 - 1)))
        self.draws = Array(np.uint64(0))

    # ── other generators ─────────────────────────────────────────────────────────────────────────

    @located
    def fold_in(self, number: ArrayLike) -> Generator:
        """A generator of its own for an integer from 0 to 2⁶³ − 1, which may be traced; no draw is taken.

        It depends on the key and the number alone, and shares no numbers with this generator. A number outside is
        refused where it is known; of a traced one only the lower 63 bits count, so that −1 stands for 2⁶³ − 1.
        """
        position = numbers.natural("fold_in", number) | 2**63  # counting never sets the top bit of a draw
        shape = broadcast_shape("fold_in", self.key.shape, position.shape)
        at = [broadcast_to(x, shape) for x in (self.key, position)]
        return _with_key(numbers.joined(bind("random_bits", *at, shape=(2,))))

    @located
    def split(self, n: int | Sequence[int]) -> Generator:
        """So many generators in one, for `vmap` over them: key and draws have the shape (n,), or n. Takes one draw.

        ``several[0]`` is one of them, ``several[1:3]`` are some; positions may be whatever indexes an array. In a loop,
        a `scan` or a `map` over numbers, ``generator.fold_in(n)`` gives each turn a generator of its own.

        Examples
        --------
        >>> import maplet as mp
        >>> first, second = mp.random.Generator(0).split(2)
        >>> bool(first.uniform() == second.uniform())
        False
        """
        return _with_key(numbers.joined(self.bits((*as_shape("split", n), 2))))

    @located
    def __getitem__(self, position: Any) -> Generator:
        """One or some of the generators that `split` has made, by what indexes an array; an integer may be traced."""
        if not self.key.shape:
            raise ShapeError("this is one generator, not several", fix="generator.split(n) makes n of them")
        one = _with_key(self.key[position])
        one.draws = self.draws[position]
        return one

    # ── bits and uniform numbers ─────────────────────────────────────────────────────────────────

    @located
    def bits(self, shape: int | Sequence[int] = ()) -> Array:
        """32 random bits for each element, as uint32."""
        if self.key.shape:
            raise ShapeError(
                f"there are {self.key.shape} generators here, made by split, and one is to draw",
                fix="take one, generators[0], or one for each row: mp.vmap(lambda g: g.normal((3,)))(generators)",
            )
        lengths = as_shape("random", shape)
        with _one_by_one:
            key, draw = self.key, self.draws
            self.draws = draw + 1
        return bind("random_bits", key, draw, shape=lengths)

    @located
    def uniform(
        self, shape: ShapeLike = None, low: ArrayLike = 0.0, high: ArrayLike = 1.0, *, dtype: Any = default_float
    ) -> Array:
        """Numbers from ``low`` to before ``high``, equally likely: 24 random bits (float64 53, float16 11, bfloat16 8).

        Differentiable with respect to the limits, which must be numbers that ``dtype`` holds. Computed in ``dtype``.
        """
        target = _floating("uniform", dtype)
        first, last = (numbers.held(f"uniform: {name}", x, target) for name, x in (("low", low), ("high", high)))
        numbers.require_below("uniform", low, high)
        lengths = numbers.shape_for("uniform", shape, first.shape, last.shape)
        unit = numbers.fraction(self.bits((*lengths, 2) if target == float64 else lengths), target)
        if isinstance(low, int | float) and isinstance(high, int | float) and (low, high) == (0.0, 1.0):
            return unit
        return numbers.placed(unit, first, last, wide=numbers.may_be_wide(low, high, target))

    @located
    def integers(self, low: ArrayLike, high: ArrayLike, shape: ShapeLike = None, *, dtype: Any = default_int) -> Array:
        """Integers from ``low`` to before ``high``, equally likely to within 2⁻⁶⁴."""
        target = as_dtype(dtype)
        if not is_integer(target):
            raise DTypeError(f"integers are not of dtype {short_name(target)}", fix="dtype=mp.int64, mp.uint8 …")
        first, n = numbers.integer_range(low, high, target)
        words = self.bits((*numbers.shape_for("integers", shape, n.shape), 2))
        return convert(first + numbers.below(words, n), target)

    @located
    def bernoulli(self, p: ArrayLike, shape: ShapeLike = None) -> Array:
        """True with probability ``p``, of which 24 bits count. Not differentiable."""
        wanted = numbers.probability("bernoulli: p", p)
        unit = numbers.fraction(self.bits(numbers.shape_for("bernoulli", shape, wanted.shape)), default_float)
        return unit < convert(wanted, default_float)

    # ── location and scale: differentiable with respect to both ──────────────────────────────────

    @located
    def normal(
        self, shape: ShapeLike = None, mean: ArrayLike = 0.0, deviation: ArrayLike = 1.0, *, dtype: Any = default_float
    ) -> Array:
        """Numbers from the normal distribution: mean + deviation·z with z = Φ⁻¹(u).

        Examples
        --------
        The gradient with respect to the deviation is the standard normal number itself:

        >>> import maplet as mp
        >>> slope = mp.grad(lambda s: mp.random.Generator(0).normal((), 0.0, s))(2.0)
        >>> bool(slope == mp.random.Generator(0).normal())
        True
        """
        location, scale = numbers.finite("normal: mean", mean), numbers.spread("normal: deviation", deviation)
        return self._scaled("normal", shape, location, scale, dtype)

    @located
    def gumbel(
        self, shape: ShapeLike = None, location: ArrayLike = 0.0, scale: ArrayLike = 1.0, *, dtype: Any = default_float
    ) -> Array:
        """Numbers from the Gumbel distribution, that of the greatest of many: location − scale·ln(−ln u)."""
        place, width = numbers.finite("gumbel: location", location), numbers.spread("gumbel: scale", scale)
        return self._scaled("gumbel", shape, place, width, dtype)

    @located
    def laplace(
        self, shape: ShapeLike = None, location: ArrayLike = 0.0, scale: ArrayLike = 1.0, *, dtype: Any = default_float
    ) -> Array:
        """Numbers whose distance from the location is exponential: location ± scale·ln u."""
        place, width = numbers.finite("laplace: location", location), numbers.spread("laplace: scale", scale)
        return self._scaled("laplace", shape, place, width, dtype)

    @located
    def exponential(self, shape: ShapeLike = None, scale: ArrayLike = 1.0, *, dtype: Any = default_float) -> Array:
        """Waiting times of mean ``scale``: −scale·ln u, always above 0."""
        scale = numbers.spread("exponential: scale", scale)
        return self._scaled("exponential", shape, as_array(0.0, float64), scale, dtype)

    def _scaled(self, kind: str, shape: ShapeLike, location: Array, scale: Array, dtype: Any) -> Array:
        target = _floating(kind, dtype)
        lengths = numbers.shape_for(kind, shape, location.shape, scale.shape)
        words = self.bits((*lengths, 2))
        if thread.trace is not None or location.ndim or scale.ndim:
            return convert(numbers.standard[kind](words) * scale + location, target)
        # One operation after another, each with its float64 array: a table would need thirty times its own memory.
        pairs = reshape(words, (-1, 2))
        pieces = [pairs[n : n + piece] for n in range(0, max(1, len(pairs)), piece)]
        drawn = [convert(numbers.standard[kind](some) * scale + location, target) for some in pieces]
        return reshape(concat(drawn) if len(drawn) > 1 else drawn[0], lengths)

    # ── the gamma distribution and its kin ───────────────────────────────────────────────────────

    @located
    def gamma(
        self, a: ArrayLike, shape: ShapeLike = None, scale: ArrayLike = 1.0, *, dtype: Any = default_float
    ) -> Array:
        """Numbers from the gamma distribution with density ∝ x^(a−1)·e^(−x/scale); their mean is a·scale.

        Drawn by the rejection of Marsaglia and Tsang (2000), whose rounds draw from a generator of their own; so,
        unlike elsewhere, the rows of a `vmap` are not the rows of one larger draw, though they are as independent.
        Differentiable with respect to ``scale``; no gradient flows to ``a``. For a < 0.1 many numbers are too small for
        float32 and become 0.
        """
        target, scale = _floating("gamma", dtype), numbers.spread("gamma: scale", scale)
        a = stop_gradient(numbers.positive("gamma: a", a))
        lengths = numbers.shape_for("gamma", shape, a.shape, scale.shape)
        y, boost = rejection.gamma_parts(self._key(), a, lengths)
        return convert(y * portable_exp(boost) * scale, target)

    @located
    def beta(self, a: ArrayLike, b: ArrayLike, shape: ShapeLike = None, *, dtype: Any = default_float) -> Array:
        """Numbers from 0 to 1 with density ∝ x^(a−1)·(1−x)^(b−1). No gradient flows to ``a`` and ``b``.

        The share x/(x + y) of two gamma numbers with parameters a and b.
        """
        target = _floating("beta", dtype)
        pair = [stop_gradient(numbers.positive(f"beta: {name}", x)) for name, x in (("a", a), ("b", b))]
        lengths = numbers.shape_for("beta", shape, pair[0].shape, pair[1].shape)
        both = stack([broadcast_to(x, lengths) for x in pair], axis=-1)
        y, boost = rejection.gamma_parts(self._key(), both, both.shape)
        return convert(rejection.shares(y, boost)[..., 0], target)

    @located
    def dirichlet(self, a: ArrayLike, shape: ShapeLike = None, *, dtype: Any = default_float) -> Array:
        """Shares that add up to 1, along a new last axis: density ∝ Π xᵢ^(aᵢ−1). No gradient flows to ``a``.

        The parameters of one distribution stand along the last axis of ``a``; ``shape`` is the shape before it.
        """
        target, a = _floating("dirichlet", dtype), stop_gradient(numbers.positive("dirichlet: a", a))
        before, n = _classes("dirichlet", a)
        lengths = (*numbers.shape_for("dirichlet", shape, before), n)
        y, boost = rejection.gamma_parts(self._key(), a, lengths)
        return convert(rejection.shares(y, boost), target)

    @located
    def poisson(self, rate: ArrayLike, shape: ShapeLike = None) -> Array:
        """How many events happen where ``rate`` are expected, as int64: P(k) = e^(−rate)·rate^k/k!. No gradient.

        The rate is at most 9.22·10¹⁸, so that every number that can be drawn is an int64.
        """
        rate = stop_gradient(numbers.countable("poisson: rate", rate))
        return rejection.poisson(self._key(), rate, numbers.shape_for("poisson", shape, rate.shape))

    def _key(self) -> Array:
        """The key of a generator of its own, for whatever one draw takes inside. Takes one draw."""
        return numbers.joined(self.bits((2,)))

    # ── choices ──────────────────────────────────────────────────────────────────────────────────

    @located
    def categorical(self, logits: ArrayLike, shape: ShapeLike = None) -> Array:
        """A class for each distribution, as int64: class i with probability softmax(logits)ᵢ. Not differentiable.

        The logits of one distribution stand along the last axis; ``shape`` is the shape before it. A logit −∞ is
        never drawn, and in no distribution may all of them be −∞. Drawn as the greatest of logitᵢ + Gumbel numberᵢ.
        """
        given, logits = logits, numbers.logits("categorical: logits", logits)
        before, n = _classes("categorical", logits)
        numbers.require_a_class("categorical", given)
        lengths = numbers.shape_for("categorical", shape, before)
        return reduction.argmax(logits + numbers.standard_gumbel(self.bits((*lengths, n, 2))), axis=-1)

    @located
    def permutation(self, x: ArrayLike) -> Array:
        """The integers below ``x`` in random order; of an array, its slices along the first axis.

        Examples
        --------
        >>> import maplet as mp
        >>> mp.sort(mp.random.Generator(0).permutation(4))
        Array([0, 1, 2, 3], dtype=int64)
        """
        items = _items("permutation", x)
        return take(items, argsort(numbers.joined(self.bits((items.shape[0], 2)))), axis=0)

    @located
    def choice(
        self, x: ArrayLike, shape: ShapeLike = None, *, weights: ArrayLike | None = None, replace: bool = True
    ) -> Array:
        """Integers below ``x``, or slices of an array along its first axis, drawn in proportion to ``weights``.

        With ``replace=False`` none is drawn twice: those with the greatest ln weightᵢ + Gumbel numberᵢ, in this order.

        Examples
        --------
        >>> import maplet as mp
        >>> mp.random.Generator(0).choice(3, (4,), weights=[0.0, 1.0, 0.0])
        Array([1, 1, 1, 1], dtype=int64)
        """
        items, lengths = _items("choice", x), numbers.shape_for("choice", shape)
        n, count = items.shape[0], prod(lengths)
        if not replace and count > n:
            raise SettingError(f"choice: {count} of {n} cannot be drawn without replacement", fix="replace=True")
        if weights is None and replace:
            return take(items, self.integers(0, n, lengths), axis=0)
        scores = as_array(0.0, float64)
        if weights is not None:
            scores = numbers.log_weights(weights, n, min(count, 1) if replace else count)
        if replace:
            return take(items, self.categorical(scores, lengths), axis=0)
        order = argsort(scores + numbers.standard_gumbel(self.bits((n, 2))), descending=True)
        return take(items, order[:count].reshape(lengths), axis=0)


def _with_key(key: Array) -> Generator:
    generator = Generator()
    generator.key, generator.draws = key, zeros(key.shape, dtype=uint64)
    return generator


def _classes(kind: str, parameters: Array) -> tuple[tuple[int, ...], int]:
    if not parameters.ndim or not parameters.shape[-1]:
        raise ShapeError(
            f"{kind}: one distribution has its parameters along the last axis, given the shape {parameters.shape}"
        )
    return parameters.shape[:-1], parameters.shape[-1]


def _items(kind: str, x: ArrayLike) -> Array:
    if isinstance(x, int) and not isinstance(x, bool) and x >= 0:
        return arange(x)
    items = as_array(x)
    if not items.ndim:
        raise ShapeError(f"{kind} takes a number of integers or an array with axes, not {x!r}")
    return items


default = Generator(0)


@located
def seed(value: int) -> None:
    """Start the default generator anew. Layers made without ``rng=`` draw their weights from it.

    It starts at 0, so a script that says nothing of seeds still gives the same numbers every time.
    """
    start = Generator(value)
    with _one_by_one:
        default.key, default.draws = start.key, start.draws


@located
def as_generator(rng: Any) -> Generator:
    """What ``rng=`` may be: a `Generator`, a NumPy generator, a seed, or None for the default generator.

    A NumPy generator gives one number, the seed. In a function that is traced without values (`mp.trace`, the body of
    a `scan`, `mp.vmap` …) that number would be the same in every turn, so it is refused there.
    """
    if rng is None:
        return default
    if isinstance(rng, Generator):
        return rng
    if isinstance(rng, np.random.Generator):
        if thread.trace is not None and not thread.trace.with_values:
            raise TraceError(
                "a NumPy generator inside a traced function is asked once, while the function is traced: its numbers "
                "would be the same in every turn and every call",
                fix="make one of ours outside, g = mp.random.Generator(int(rng.integers(2**63))), and draw from it "
                "inside: it counts its draws in the graph",
            )
        return Generator(int(cast("Any", rng.integers(0, 2**63))))
    return Generator(rng)


_methods = {
    name: f"a method of a generator: g = mp.random.Generator(seed); g.{name}(…). mp.random.default is one, too"
    for name, member in vars(Generator).items()
    if callable(member) and not name.startswith("_")
}
_advice = _methods | {
    "PRNGKey": "mp.random.Generator(seed), which counts its draws itself",
    "default_rng": "mp.random.Generator(seed)",
    "key": "mp.random.Generator(seed), which counts its draws itself",
    "manual_seed": "mp.seed(value)",
    "multinomial": "mp.random.Generator(seed).categorical(logits, shape)",
    "rand": "mp.random.Generator(seed).uniform(shape)",
    "randint": "mp.random.Generator(seed).integers(low, high, shape)",
    "randn": "mp.random.Generator(seed).normal(shape)",
    "random": "mp.random.Generator(seed).uniform(shape)",
    "randperm": "mp.random.Generator(seed).permutation(n)",
    "shuffle": "x = mp.random.Generator(seed).permutation(x), a new array",
}


def __getattr__(name: str) -> NoReturn:
    raise no_attribute("module 'maplet.random'", name, _advice)


def __dir__() -> list[str]:
    return __all__
