"""maplet and PyTorch as the user's file sees them while it is recorded: their functions in those of NumPy.

A function or method is taken by its name: what NumPy calls so, or what stands in the table here. What is neither cannot
be recorded, and then the program is compared with central differences. A name that means something else in NumPy does
no harm: what is recorded must give the same numbers as the program with its own arrays.
"""

# What a program of a user's holds, and what NumPy makes of it, may be anything.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false, reportUnknownLambdaType=false

from __future__ import annotations

from contextlib import nullcontext
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.health.audit.program.tape import Recorded, UnrecordedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

names = ("maplet", "maplet.nn", "torch", "torch.nn", "torch.nn.functional")
keywords = {"dim": "axis", "keepdim": "keepdims", "dims": "axis"}


def is_library(value: Any) -> bool:
    """Whether something is one of the modules that can be followed."""
    return isinstance(value, ModuleType) and value.__name__ in names


def _shifted(x: Any, axis: int) -> Any:
    return x - np.max(x, axis=axis, keepdims=True)


def softmax(x: Any, axis: int = -1) -> Any:
    """e^x/Σe^x."""
    e = np.exp(_shifted(x, axis))
    return e / np.sum(e, axis=axis, keepdims=True)


def log_softmax(x: Any, axis: int = -1) -> Any:
    """The logarithm of softmax."""
    x = _shifted(x, axis)
    return x - np.log(np.sum(np.exp(x), axis=axis, keepdims=True))


def logsumexp(x: Any, axis: int = -1, **options: Any) -> Any:
    """The logarithm of Σe^x."""
    top = np.max(x.value, axis=axis, keepdims=True)
    return np.log(np.sum(np.exp(x - top), axis=axis, **options)) + np.max(x.value, axis=axis, **options)


def clamp(x: Any, min: float | None = None, max: float | None = None) -> Any:
    """What lies outside of a range is moved to its end."""
    return np.clip(x, min, max)


def mse_loss(x: Any, y: Any) -> Any:
    """The mean of the squared errors."""
    return np.mean((x - y) ** 2)


def cross_entropy(x: Any, y: Any) -> Any:
    """The mean of -log softmax(x) at the classes."""
    return nll_loss(log_softmax(x), y)


def nll_loss(x: Any, y: Any) -> Any:
    """The mean of the negative entries at the classes."""
    return -np.mean(x[np.arange(len(x)), y])


def binary_cross_entropy(p: Any, y: Any) -> Any:
    """The mean of the negative log likelihood of labels 0 and 1."""
    return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))


def one_hot(y: Any, num_classes: int) -> Any:
    """For each class a row of zeros with a one."""
    return y.tape.make(np.eye(num_classes))[y]


def whole(x: Any, *_: Any, **__: Any) -> Any:
    """An array as it is; a truth value as a number."""
    return x * 1.0 if x.dtype.kind == "b" else x


def swapped(x: Any, *axes: int) -> Any:
    """``transpose(0, 1)`` of PyTorch exchanges two axes; without axes, all are turned round."""
    return np.swapaxes(x, *axes) if len(axes) == 2 else np.transpose(x, *axes)


def shaped(x: Any, *shape: Any) -> Any:
    """``view(-1, 3)`` and ``reshape((-1, 3))``."""
    return np.reshape(x, shape[0] if len(shape) == 1 else shape)


functions: Mapping[str, Callable[..., Any]] = {
    "relu": lambda x: np.maximum(x, 0),
    "softplus": lambda x: np.logaddexp(x, 0),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "silu": lambda x: x / (1 + np.exp(-x)),
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "pow": np.power,
    "mul": np.multiply,
    "sub": np.subtract,
    "div": np.divide,
    "neg": np.negative,
    **dict.fromkeys(("mm", "mv", "bmm"), np.matmul),
    "ger": np.outer,
    "cat": np.concatenate,
    "concat": np.concatenate,
    "unsqueeze": np.expand_dims,
    "clamp": clamp,
    "t": np.transpose,
    "transpose": swapped,
    "permute": lambda x, *axes: np.transpose(x, axes[0] if len(axes) == 1 else axes),
    "view": shaped,
    "reshape": shaped,
    "flatten": np.ravel,
    "softmax": softmax,
    "log_softmax": log_softmax,
    "logsumexp": logsumexp,
    "mse_loss": mse_loss,
    "cross_entropy": cross_entropy,
    "nll_loss": nll_loss,
    "binary_cross_entropy": binary_cross_entropy,
    "one_hot": one_hot,
    **dict.fromkeys(("float", "double", "long", "to", "type"), whole),
    **dict.fromkeys(("clone", "contiguous", "item", "numpy", "cpu", "detach", "requires_grad_"), lambda x: x),
    "numel": np.size,
    "dim": np.ndim,
    "size": lambda x, axis=None: x.shape if axis is None else x.shape[axis],
}
"""What is called otherwise than in NumPy, or is not in it; detach cuts nothing here, where gradients are by hand."""


class Library:
    """A module of maplet or PyTorch; its functions are NumPy's, on recorded arrays."""

    Array = Tensor = Recorded

    def __init__(self, module: ModuleType, numpy: Any) -> None:
        self._module = module
        self._numpy = numpy  # NumPy as the file sees it

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._module, name)
        if is_library(found):
            return Library(found, self._numpy)
        if name in ("no_grad", "inference_mode"):
            return nullcontext
        if not callable(found):  # a dtype, or a number such as pi
            return getattr(np, name, found)
        if name in ("zeros", "ones"):
            return lambda *shape, **_: getattr(self._numpy, name)(shape[0] if len(shape) == 1 else shape)
        if name in ("tensor", "as_tensor", "asarray"):
            return lambda value, *_, **__: self._numpy.asarray(value)
        function = functions.get(name) or getattr(self._numpy, name, None)
        if function is None:
            raise UnrecordedError(f"{self._module.__name__}.{name} has no counterpart in NumPy")
        return partial(_renamed, function)


def method(array: Recorded, name: str) -> Any:
    """A method of a tensor; None where it is no function of NumPy's either."""
    if name in ("shape", "ndim", "dtype"):  # which are none
        return None
    function = functions.get(name) or getattr(np, name, None)
    return partial(_renamed, function, array) if callable(function) else None


def _renamed(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """A call with the keywords of NumPy."""
    return function(*args, **{keywords.get(key, key): value for key, value in kwargs.items()})
