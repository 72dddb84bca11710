"""maplet: a deep-learning framework that you can see through.

>>> import maplet as mp
>>> mp.grad(lambda x: x**2 - 2 * x + 1)(3.0)
Array(4.)
"""

# The array API standard names operations `abs`, `all`, `max` …; they shadow Python's only behind `mp.`.
# ruff: noqa: A004

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from maplet.control.branches import cond, switch
from maplet.control.call import checkpoint
from maplet.control.chunks import Accumulator, chunked
from maplet.control.custom_gradient import custom_gradient
from maplet.control.custom_root import custom_root
from maplet.control.loops import fori_loop, while_loop
from maplet.control.scan import map, scan
from maplet.core.advice import for_maplet, no_attribute
from maplet.core.array import Array, Parameter
from maplet.core.check import check
from maplet.core.dtypes import (
    bfloat16,
    bool,
    float16,
    float32,
    float64,
    int8,
    int16,
    int32,
    int64,
    uint8,
    uint16,
    uint32,
    uint64,
)
from maplet.core.exchange import latest_version as __array_api_version__
from maplet.core.expect import expect
from maplet.core.graph import Graph
from maplet.core.outline import outline
from maplet.core.reading import parse
from maplet.core.recording import trace
from maplet.core.types import ArrayType
from maplet.ops import linalg, random
from maplet.ops.activations import (
    celu,
    elu,
    gelu,
    glu,
    hardshrink,
    hardsigmoid,
    hardswish,
    hardtanh,
    leaky_relu,
    log_sigmoid,
    mish,
    relu,
    relu6,
    selu,
    silu,
    softplus,
    softshrink,
    softsign,
    tanhshrink,
    threshold,
)
from maplet.ops.casting import astype
from maplet.ops.composite import (
    clip,
    log_softmax,
    logsumexp,
    norm,
    one_hot,
    softmax,
    softmin,
)
from maplet.ops.contraction import matmul
from maplet.ops.convolution import conv
from maplet.ops.convolution_transposed import conv_transpose
from maplet.ops.creation import (
    arange,
    asarray,
    empty,
    empty_like,
    eye,
    from_dlpack,
    full,
    full_like,
    linspace,
    meshgrid,
    ones,
    ones_like,
    zeros,
    zeros_like,
)
from maplet.ops.cumulative import (
    cumulative_max,
    cumulative_min,
    cumulative_prod,
    cumulative_sum,
    prod,
    recurrence,
)
from maplet.ops.data_dependent import nonzero, unique_all, unique_counts, unique_inverse, unique_values
from maplet.ops.data_types import can_cast, finfo, iinfo, isdtype, result_type
from maplet.ops.diagonals import tril, triu
from maplet.ops.differences import allclose, diff, isclose
from maplet.ops.einsum import einsum
from maplet.ops.elementwise import (
    abs,
    acos,
    acosh,
    add,
    asin,
    asinh,
    atan,
    atan2,
    atanh,
    bitwise_and,
    bitwise_invert,
    bitwise_left_shift,
    bitwise_or,
    bitwise_right_shift,
    bitwise_xor,
    ceil,
    copysign,
    cos,
    cosh,
    divide,
    equal,
    erf,
    exp,
    expm1,
    floor,
    floor_divide,
    greater,
    greater_equal,
    hypot,
    isfinite,
    isinf,
    isnan,
    less,
    less_equal,
    log,
    log1p,
    log2,
    log10,
    logaddexp,
    logical_and,
    logical_not,
    logical_or,
    logical_xor,
    maximum,
    minimum,
    multiply,
    negative,
    nextafter,
    not_equal,
    positive,
    pow,
    reciprocal,
    remainder,
    round,
    rsqrt,
    sigmoid,
    sign,
    signbit,
    sin,
    sinh,
    sqrt,
    square,
    subtract,
    tan,
    tanh,
    trunc,
    where,
)
from maplet.ops.error_functions import erfc, erfinv
from maplet.ops.gamma_functions import digamma, lgamma, polygamma, trigamma
from maplet.ops.identity import stop_gradient
from maplet.ops.indexing import take, take_along_axis
from maplet.ops.inspection import namespace_info as __array_namespace_info__
from maplet.ops.movement import broadcast_to, expand_dims, matrix_transpose, moveaxis, permute_dims, reshape, squeeze
from maplet.ops.padding import pad
from maplet.ops.products import tensordot, vecdot
from maplet.ops.random import seed
from maplet.ops.rearranging import broadcast_arrays, repeat, roll, split, tile, unstack
from maplet.ops.reduction import all, any, argmax, argmin, max, mean, min, std, sum, var
from maplet.ops.scattering import scatter_add, segment_sum
from maplet.ops.searching import count_nonzero, searchsorted, topk
from maplet.ops.slicing import concat, flip, stack
from maplet.ops.sorting import argsort, sort
from maplet.ops.windows import reduce_window
from maplet.transforms.check_gradient import check_gradient
from maplet.transforms.debug import debug
from maplet.transforms.derivatives import grad, value_and_grad, vjp
from maplet.transforms.directional import hvp, jvp, linearize
from maplet.transforms.evaluate import evaluate
from maplet.transforms.gradient import gradient
from maplet.transforms.jacobian import hessian, jacobian
from maplet.transforms.vmap import vmap

if TYPE_CHECKING:
    from maplet import data, nn, optim, train
    from maplet.compiler.explain import explain_compile
    from maplet.compiler.jit import jit
    from maplet.compiler.profile import profile
    from maplet.compiler.threads import set_threads, threads
    from maplet.explain.derivation import explain
    from maplet.explain.derive import derive
    from maplet.health.audit import audit
    from maplet.health.doctor import doctor
    from maplet.health.lint import lint
    from maplet.optim.minimize import minimize
    from maplet.train import Callback, Checkpoint, EarlyStopping, Run, find_learning_rate, fit, load, save

__version__ = "0.1.0"

__all__ = [
    "Accumulator", "Array", "ArrayType", "Callback", "Checkpoint", "EarlyStopping", "Graph", "Parameter", "Run",
    "__array_api_version__", "__array_namespace_info__", "abs", "acos", "acosh", "add", "all", "allclose", "any",
    "arange", "argmax", "argmin", "argsort", "asarray", "asin", "asinh", "astype", "atan", "atan2", "atanh", "audit",
    "bfloat16", "bitwise_and", "bitwise_invert", "bitwise_left_shift", "bitwise_or", "bitwise_right_shift",
    "bitwise_xor", "bool", "broadcast_arrays", "broadcast_to", "can_cast", "ceil", "celu", "check", "check_gradient",
    "checkpoint", "chunked", "clip", "concat", "cond", "conv", "conv_transpose", "copysign", "cos", "cosh",
    "count_nonzero", "cumulative_max", "cumulative_min", "cumulative_prod", "cumulative_sum", "custom_gradient",
    "custom_root", "data", "debug", "derive", "diff", "digamma", "divide", "doctor", "e", "einsum", "elu", "empty",
    "empty_like", "equal", "erf", "erfc", "erfinv", "evaluate", "exp", "expand_dims", "expect", "explain",
    "explain_compile", "expm1", "eye", "find_learning_rate", "finfo", "fit", "flip", "float16", "float32", "float64",
    "floor", "floor_divide", "fori_loop", "from_dlpack", "full", "full_like", "gelu", "glu", "grad", "gradient",
    "greater", "greater_equal", "hardshrink", "hardsigmoid", "hardswish", "hardtanh", "hessian", "hvp", "hypot",
    "iinfo", "inf", "int8", "int16", "int32", "int64", "isclose", "isdtype", "isfinite", "isinf", "isnan", "jacobian",
    "jit", "jvp", "leaky_relu", "less", "less_equal", "lgamma", "linalg", "linearize", "linspace", "lint", "load",
    "log", "log1p", "log2", "log10", "log_sigmoid", "log_softmax", "logaddexp", "logical_and", "logical_not",
    "logical_or", "logical_xor", "logsumexp", "map", "matmul", "matrix_transpose", "max", "maximum", "mean", "meshgrid",
    "min", "minimize", "minimum", "mish", "moveaxis", "multiply", "nan", "negative", "newaxis", "nextafter", "nn",
    "nonzero", "norm", "not_equal", "one_hot", "ones", "ones_like", "optim", "outline", "pad", "parse", "permute_dims",
    "pi", "polygamma", "positive", "pow", "prod", "profile", "random", "reciprocal", "recurrence", "reduce_window",
    "relu", "relu6", "remainder", "repeat", "reshape", "result_type", "roll", "round", "rsqrt", "save", "scan",
    "scatter_add", "searchsorted", "seed", "segment_sum", "selu", "set_threads", "sigmoid", "sign", "signbit", "silu",
    "sin", "sinh", "softmax", "softmin", "softplus", "softshrink", "softsign", "sort", "split", "sqrt", "square",
    "squeeze", "stack", "std", "stop_gradient", "subtract", "sum", "switch", "take", "take_along_axis", "tan", "tanh",
    "tanhshrink", "tensordot", "threads", "threshold", "tile", "topk", "trace", "train", "trigamma", "tril", "triu",
    "trunc", "uint8", "uint16", "uint32", "uint64", "unique_all", "unique_counts", "unique_inverse", "unique_values",
    "unstack", "value_and_grad", "var", "vecdot", "vjp", "vmap", "where", "while_loop", "zeros", "zeros_like",
]  # fmt: skip

e, pi, inf, nan, newaxis = 2.718281828459045, 3.141592653589793, float("inf"), float("nan"), None

# What a first `import maplet` need not load: name → the module that has it.
_later = {
    "derive": "maplet.explain.derive",
    "explain_compile": "maplet.compiler.explain",
    "jit": "maplet.compiler.jit",
    "profile": "maplet.compiler.profile",
    "set_threads": "maplet.compiler.threads",
    "threads": "maplet.compiler.threads",
    "doctor": "maplet.health.doctor",
    "audit": "maplet.health.audit",
    "lint": "maplet.health.lint",
    "minimize": "maplet.optim.minimize",
    **dict.fromkeys(
        ("Callback", "Checkpoint", "EarlyStopping", "Run", "find_learning_rate", "fit", "load", "save"), "maplet.train"
    ),
}
_rooms = ("data", "explain", "nn", "optim", "train")


def __getattr__(name: str) -> Any:
    if name in _rooms:
        return import_module(f"maplet.{name}")
    if name in _later:
        return getattr(import_module(_later[name]), name)
    raise no_attribute("module 'maplet'", name, for_maplet)


def __dir__() -> list[str]:
    return sorted(__all__)
