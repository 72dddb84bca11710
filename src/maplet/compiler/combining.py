"""How sums and other combiners put numbers together, and the masks at the end of an axis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maplet.compiler.loops import Apply, Steps, apply, splat
from maplet.core.types import dtypes_by_short_name

if TYPE_CHECKING:
    from maplet.compiler.loops import Value

combine = {
    "sum": "add", "prod": "multiply", "max": "maximum", "min": "minimum", "any": "logical_or", "all": "logical_and",
}  # fmt: skip


def together(combiner: str, dtype: str) -> str:
    """The function that a combiner puts two numbers together by; a sum of truth values holds where one of them does."""
    return "logical_or" if dtype == "bool" and combiner == "sum" else combine[combiner]


def neutral(combiner: str, dtype: str) -> float:
    """What changes nothing: 0 for a sum, −∞ for a maximum."""
    if combiner in ("max", "min"):
        if dtype[0] == "f":
            return float("-inf") if combiner == "max" else float("inf")
        if dtype == "bool":
            return combiner == "min"
        kind = dtypes_by_short_name[dtype]
        bits = 8 * kind.itemsize
        least, most = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if kind.kind == "i" else (0, (1 << bits) - 1)
        return least if combiner == "max" else most
    return {"sum": 0, "prod": 1, "any": False, "all": True}[combiner]


def nan(value: Value) -> Value:
    """Where a value is NaN."""
    return Apply("bool", value.lanes, "isnan", (value,))


def below(variable: Value, stop: Value, lanes: int) -> Value:
    """Which lanes, counted from a position on, lie before the end."""
    return Apply("bool", lanes, "less", (Steps("i64", lanes), splat(apply("subtract", stop, variable), lanes)))
