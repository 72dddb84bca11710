"""Which operations are compared one by one, and how each is written with maplet, NumPy, PyTorch and JAX."""

# A row is a line of a table; its functions have no types of their own, as the frameworks are handed to them.
# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false
# ruff: noqa: ARG005, E501, PLW0108

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    Inputs = Callable[[np.random.Generator, "Size"], list[np.ndarray[Any, Any]]]
    Function = Callable[[Any], Callable[..., Any]]

Size = Literal["small", "medium", "large"]
SHAPES: dict[Size, tuple[int, int]] = {"small": (32, 64), "medium": (512, 1024), "large": (2048, 2048)}
"""Of what is computed element by element: 8 KiB, 2 MiB and 16 MiB."""


@dataclass(frozen=True)
class Operation:
    """A row: functions from a framework's namespace to the operation, None where a framework lacks it."""

    name: str
    inputs: Inputs
    maplet: Function
    numpy: Function | None
    torch: Function | None
    jax: Function | None
    gradient: bool = True
    """Whether it has one, that is not 0 everywhere."""
    host: bool = False
    """Whether maplet leaves it to NumPy."""


def normal(*shapes: str) -> Inputs:
    """Normal numbers, in shapes of the letters n (rows), m (columns), 1."""
    return numbers(lambda rng, shape: rng.normal(size=shape), *shapes)


def positive(*shapes: str) -> Inputs:
    """Numbers from 0.5 to 2."""
    return numbers(lambda rng, shape: rng.uniform(0.5, 2, size=shape), *shapes)


def unit(*shapes: str) -> Inputs:
    """Numbers from −0.9 to 0.9."""
    return numbers(lambda rng, shape: rng.uniform(-0.9, 0.9, size=shape), *shapes)


def above_one(*shapes: str) -> Inputs:
    """Numbers from 1.1 to 3."""
    return numbers(lambda rng, shape: rng.uniform(1.1, 3, size=shape), *shapes)


def numbers(draw: Callable[..., Any], *shapes: str) -> Inputs:
    """Arrays of float32."""

    def inputs(rng: np.random.Generator, size: Size) -> list[np.ndarray[Any, Any]]:
        n, m = SHAPES[size]
        lengths = {"n": n, "m": m, "1": 1}
        return [np.asarray(draw(rng, [lengths[letter] for letter in shape])).astype("f4") for shape in shapes]

    return inputs


def shaped(
    small: tuple[Any, ...], medium: tuple[Any, ...], large: tuple[Any, ...], positions: dict[Size, int] | None = None
) -> Inputs:
    """Normal numbers of given shapes; as the last array, with ``positions``, integers below that number."""

    def inputs(rng: np.random.Generator, size: Size) -> list[np.ndarray[Any, Any]]:
        *shapes, last = {"small": small, "medium": medium, "large": large}[size]
        found = [rng.normal(size=shape).astype("f4") for shape in shapes]
        return [*found, rng.integers(positions[size], size=last) if positions else rng.normal(size=last).astype("f4")]

    return inputs


def same(name: str, inputs: Inputs, *, gradient: bool = True, **others: Any) -> Operation:
    """A row for an operation that has one name everywhere, but for what ``others`` say."""
    by_name: Any = lambda xp: getattr(xp, name)  # noqa: E731  (said once for four frameworks)
    every = {"maplet": by_name, "numpy": by_name, "torch": by_name, "jax": by_name} | others
    return Operation(name, inputs, **every, gradient=gradient)


def alike(
    name: str, inputs: Inputs, function: Function, *, gradient: bool = True, host: bool = False, **others: Any
) -> Operation:
    """A row for what is written in one way everywhere, but for what ``others`` say."""
    every = {"maplet": function, "numpy": function, "torch": function, "jax": function} | others
    return Operation(name, inputs, **every, gradient=gradient, host=host)


one, two = normal("nm"), normal("nm", "nm")

elementwise = [
    *(same(name, one) for name in ("abs", "negative", "square", "exp", "expm1", "sin", "cos", "sinh", "cosh", "tanh")),
    *(same(name, positive("nm")) for name in ("sqrt", "reciprocal", "log", "log1p", "log2")),
    *(same(name, unit("nm"), numpy=lambda np, name=name: getattr(np, "arc" + name[1:])) for name in ("asin", "acos", "atan", "atanh")),
    same("tan", unit("nm")),
    same("asinh", one, numpy=lambda np: np.arcsinh),
    same("acosh", above_one("nm"), numpy=lambda np: np.arccosh),
    same("rsqrt", positive("nm"), numpy=lambda np: lambda x: 1 / np.sqrt(x), jax=lambda jax: jax.lax.rsqrt),
    same("sigmoid", one, numpy=lambda np: lambda x: 1 / (1 + np.exp(-x)), jax=lambda jax: jax.nn.sigmoid),
    same("erf", one, numpy=None, jax=lambda jax: jax.scipy.special.erf),
    *(same(name, one, gradient=False) for name in ("floor", "round", "sign", "isnan")),
    same("relu", one, numpy=lambda np: lambda x: np.maximum(x, 0), jax=lambda jax: jax.nn.relu),
    same("gelu", one, numpy=None, torch=lambda torch: torch.nn.functional.gelu, jax=lambda jax: lambda x: jax.nn.gelu(x, approximate=False)),
    same("silu", one, numpy=None, torch=lambda torch: torch.nn.functional.silu, jax=lambda jax: jax.nn.silu),
    same("softplus", one, numpy=lambda np: lambda x: np.logaddexp(x, np.float32(0)), torch=lambda torch: torch.nn.functional.softplus, jax=lambda jax: jax.nn.softplus),
    *(same(name, two) for name in ("add", "multiply", "maximum", "minimum", "hypot", "logaddexp")),
    same("divide", positive("nm", "nm")),
    same("pow", positive("nm", "nm"), numpy=lambda np: np.power, jax=lambda jax: jax.power),
    same("atan2", two, numpy=lambda np: np.arctan2, jax=lambda jax: jax.arctan2),
    same("remainder", positive("nm", "nm")),
    same("less", two, gradient=False),
    alike("where", normal("nm", "nm"), lambda xp: lambda x, y: xp.where(x > 0, x, y)),
    alike("clip", one, lambda xp: lambda x: xp.clip(x, -0.5, 0.5)),
    alike("add a row", normal("nm", "m"), lambda xp: lambda x, y: x + y),
    alike("add a column", normal("nm", "n1"), lambda xp: lambda x, y: x + y),
    alike("polynomial", one, lambda xp: lambda x: ((0.1 * x + 0.2) * x + 0.3) * x + 0.4),
]  # fmt: skip

reductions = [
    alike("sum", one, lambda xp: lambda x: xp.sum(x)),
    *(alike(f"sum axis {axis}", one, lambda xp, axis=axis: lambda x: xp.sum(x, axis=axis)) for axis in (0, 1)),
    alike("mean axis 1", one, lambda xp: lambda x: xp.mean(x, axis=1)),
    alike("var axis 1", one, lambda xp: lambda x: xp.var(x, axis=1), torch=lambda torch: lambda x: torch.var(x, dim=1, correction=0)),
    alike("std axis 0", one, lambda xp: lambda x: xp.std(x, axis=0), torch=lambda torch: lambda x: torch.std(x, dim=0, correction=0)),
    *(alike(f"max axis {axis}", one, lambda xp, axis=axis: lambda x: xp.max(x, axis=axis), torch=lambda torch, axis=axis: lambda x: torch.amax(x, dim=axis)) for axis in (0, 1)),
    alike("min", one, lambda xp: lambda x: xp.min(x)),
    alike("prod axis 1", numbers(lambda rng, shape: rng.uniform(0.9, 1.1, size=shape), "nm"), lambda xp: lambda x: xp.prod(x, axis=1)),
    alike("argmax axis 1", one, lambda xp: lambda x: xp.argmax(x, axis=1), gradient=False),
    alike("any axis 1", one, lambda xp: lambda x: xp.any(x > 4, axis=1), gradient=False),
    alike("logsumexp", one, lambda xp: lambda x: xp.logsumexp(x, axis=1), numpy=None, torch=lambda torch: lambda x: torch.logsumexp(x, dim=1), jax=lambda jax: lambda x: jax.nn.logsumexp(x, axis=1)),
    alike("softmax", one, lambda xp: lambda x: xp.softmax(x), numpy=None, torch=lambda torch: lambda x: torch.softmax(x, dim=-1), jax=lambda jax: jax.nn.softmax),
    alike("log_softmax", one, lambda xp: lambda x: xp.log_softmax(x), numpy=None, torch=lambda torch: lambda x: torch.log_softmax(x, dim=-1), jax=lambda jax: jax.nn.log_softmax),
    alike("norm axis 1", one, lambda xp: lambda x: xp.norm(x, axis=1), numpy=lambda np: lambda x: np.linalg.norm(x, axis=1), torch=lambda torch: lambda x: torch.linalg.vector_norm(x, dim=1), jax=lambda jax: lambda x: jax.linalg.norm(x, axis=1)),
    *(alike(f"cumulative_sum axis {axis}", one, lambda xp, axis=axis: lambda x: xp.cumulative_sum(x, axis=axis), torch=lambda torch, axis=axis: lambda x: torch.cumsum(x, dim=axis)) for axis in (0, 1)),
    alike("cumulative_prod", numbers(lambda rng, shape: rng.uniform(0.9, 1.1, size=shape), "nm"), lambda xp: lambda x: xp.cumulative_prod(x, axis=1), torch=lambda torch: lambda x: torch.cumprod(x, dim=1)),
    alike("cumulative_max", one, lambda xp: lambda x: xp.cumulative_max(x, axis=0), numpy=lambda np: lambda x: np.maximum.accumulate(x, axis=0), torch=lambda torch: lambda x: torch.cummax(x, dim=0)[0], jax=lambda jax: lambda x: jax.lax.cummax(x, axis=0)),
]  # fmt: skip

images = shaped(((2, 8, 8, 16),), ((8, 32, 32, 16),), ((16, 64, 64, 32),))
movements = [
    alike("transpose", one, lambda xp: lambda x: xp.matrix_transpose(x) + 0, torch=lambda torch: lambda x: x.T.contiguous(), numpy=lambda np: lambda x: np.ascontiguousarray(x.T), jax=lambda jax: lambda x: x.T),
    alike("heads apart", shaped(((2, 8, 4, 32),), ((8, 64, 4, 32),), ((16, 128, 8, 64),)), lambda xp: lambda x: xp.permute_dims(x, (0, 2, 1, 3)), numpy=lambda np: lambda x: np.ascontiguousarray(np.transpose(x, (0, 2, 1, 3))), torch=lambda torch: lambda x: torch.permute(x, (0, 2, 1, 3)).contiguous()),
    alike("channels first", images, lambda xp: lambda x: xp.permute_dims(x, (0, 3, 1, 2)), numpy=lambda np: lambda x: np.ascontiguousarray(np.transpose(x, (0, 3, 1, 2))), torch=lambda torch: lambda x: torch.permute(x, (0, 3, 1, 2)).contiguous()),
    alike("flip", one, lambda xp: lambda x: xp.flip(x, axis=1), numpy=lambda np: lambda x: np.ascontiguousarray(np.flip(x, axis=1)), torch=lambda torch: lambda x: torch.flip(x, (1,))),
    alike("concat", two, lambda xp: lambda x, y: xp.concat([x, y], axis=1)),
    alike("stack", two, lambda xp: lambda x, y: xp.stack([x, y], axis=1)),
    alike("pad", one, lambda xp: lambda x: xp.pad(x, ((1, 1), (3, 3))), torch=lambda torch: lambda x: torch.nn.functional.pad(x, (3, 3, 1, 1))),
    alike("every second", one, lambda xp: lambda x: x[::2, ::2] + 0),
    alike("tril", one, lambda xp: lambda x: xp.tril(x)),
]  # fmt: skip

distinct = numbers(lambda rng, shape: rng.permutation(int(np.prod(shape))).reshape(shape) / 1000, "nm")
rows = shaped(
    ((64, 64), (32,)), ((5000, 64), (1024,)), ((50000, 128), (16384,)), {"small": 64, "medium": 5000, "large": 50000}
)
look_ups = [
    alike("take rows", rows, lambda xp: lambda x, at: xp.take(x, at, axis=0), torch=lambda torch: lambda x, at: torch.index_select(x, 0, at)),
    alike("take_along_axis", shaped(((32, 64), (32, 32)), ((128, 512), (128, 256)), ((2048, 2048), (2048, 1024)), {"small": 64, "medium": 512, "large": 2048}), lambda xp: lambda x, at: xp.take_along_axis(x, at, axis=1), torch=lambda torch: lambda x, at: torch.gather(x, 1, at)),
    alike("one_hot", shaped(((32,),), ((4096,),), ((65536,),), {"small": 100, "medium": 100, "large": 100}), lambda xp: lambda at: xp.one_hot(at, 100), gradient=False, numpy=None, torch=lambda torch: lambda at: torch.nn.functional.one_hot(at, 100).float(), jax=lambda jax: lambda at: jax.nn.one_hot(at, 100)),
    alike("sort", distinct, lambda xp: lambda x: xp.sort(x, axis=1), host=True, torch=lambda torch: lambda x: torch.sort(x, dim=1)[0]),
    alike("argsort", distinct, lambda xp: lambda x: xp.argsort(x, axis=1), host=True, gradient=False, torch=lambda torch: lambda x: torch.argsort(x, dim=1)),
]  # fmt: skip

products = [
    alike("matmul", shaped(((16, 32), (32, 16)), ((128, 256), (256, 128)), ((1024, 1024), (1024, 1024))), lambda xp: lambda x, y: x @ y),
    alike("matrix · vector", shaped(((64, 64), (64,)), ((512, 512), (512,)), ((4096, 1024), (1024,))), lambda xp: lambda x, y: x @ y),
    alike("batched matmul", shaped(((4, 8, 16), (4, 16, 8)), ((32, 64, 32), (32, 32, 64)), ((128, 128, 64), (128, 64, 128))), lambda xp: lambda x, y: x @ y),
    alike("scores of attention", shaped(((1, 16, 4, 16), (1, 16, 4, 16)), ((8, 64, 4, 32), (8, 64, 4, 32)), ((16, 128, 8, 64), (16, 128, 8, 64))), lambda xp: lambda x, y: xp.einsum("bqhd,bkhd->bhqk", x, y)),
    alike("outer", shaped(((32,), (64,)), ((256,), (256,)), ((2048,), (2048,))), lambda xp: lambda x, y: xp.einsum("i,j->ij", x, y)),
    alike("trilinear", shaped(((16, 16), (16, 16), (16, 16)), ((64, 32), (32, 32), (64, 32)), ((1024, 128), (128, 128), (1024, 128))), lambda xp: lambda x, w, y: xp.einsum("ni,ij,nj->n", x, w, y), numpy=lambda np: lambda x, w, y: np.einsum("ni,ij,nj->n", x, w, y, optimize=True)),
]  # fmt: skip


def _conv(dimensions: int, groups: int = 1) -> dict[str, Any]:
    """With 0 groups each channel is one. Channels last for maplet and JAX; PyTorch in its own layout, made before the clock runs."""
    letters = "HW"[:dimensions] if dimensions > 1 else "W"
    layout = (f"N{letters}C", f"{letters}IO", f"N{letters}C")
    return {
        "maplet": lambda mp: lambda x, w: mp.conv(x, w, padding=1, groups=groups or x.shape[-1]),
        "numpy": None,
        "jax": lambda jax: (
            lambda x, w: jax.lax.conv_general_dilated(
                x,
                w,
                (1,) * dimensions,
                ((1, 1),) * dimensions,
                dimension_numbers=layout,
                feature_group_count=groups or x.shape[-1],
            )
        ),
        "torch": lambda torch: _torch_conv(torch, dimensions, groups),
    }


def _torch_conv(torch: Any, dimensions: int, groups: int) -> Callable[..., Any]:
    convolve = getattr(torch.nn.functional, f"conv{dimensions}d")

    def compute(x: Any, w: Any) -> Any:
        first, kernel = torch.movedim(x, -1, 1), torch.permute(w, (dimensions + 1, dimensions, *range(dimensions)))
        return torch.movedim(convolve(first, kernel, padding=1, groups=groups or x.shape[-1]), 1, -1)

    return compute


def _pool(combiner: str) -> dict[str, Any]:
    kind = {"max": "max_pool2d", "mean": "avg_pool2d"}[combiner]

    def by_torch(torch: Any) -> Callable[..., Any]:
        pool = getattr(torch.nn.functional, kind)
        return lambda x: torch.movedim(pool(torch.movedim(x, -1, 1), 2), 1, -1)

    def by_jax(jnp: Any) -> Callable[..., Any]:
        reduce = getattr(jnp, combiner)
        return lambda x: reduce(x.reshape(x.shape[0], x.shape[1] // 2, 2, x.shape[2] // 2, 2, x.shape[3]), axis=(2, 4))

    return {
        "maplet": lambda mp: lambda x: mp.reduce_window(x, combiner, 2), "numpy": by_jax, "torch": by_torch, "jax": by_jax,
    }  # fmt: skip


windows = [
    Operation("conv 1-D", shaped(((2, 16, 16), (3, 16, 16)), ((16, 128, 32), (3, 32, 32)), ((32, 512, 64), (3, 64, 64))), **_conv(1)),
    Operation("conv 2-D", shaped(((1, 8, 8, 16), (3, 3, 16, 16)), ((8, 28, 28, 16), (3, 3, 16, 16)), ((16, 56, 56, 32), (3, 3, 32, 64))), **_conv(2)),
    Operation("depthwise conv", shaped(((1, 8, 8, 32), (3, 3, 1, 32)), ((8, 28, 28, 32), (3, 3, 1, 32)), ((16, 56, 56, 64), (3, 3, 1, 64))), **_conv(2, 0)),
    Operation("max pooling", images, **_pool("max")),
    Operation("mean pooling", images, **_pool("mean")),
]  # fmt: skip


EVERY = [*elementwise, *reductions, *movements, *look_ups, *products, *windows]
