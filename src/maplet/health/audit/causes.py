"""The causes that the audit can name. Their sentences stand in `words`."""

from __future__ import annotations

from enum import StrEnum


class Cause(StrEnum):
    """Why a gradient is wrong."""

    SIGN = "sign"
    FACTOR = "factor"
    MISSING_MEAN = "missing mean"
    EXTRA_MEAN = "extra mean"
    MISSING_DERIVATIVE = "missing derivative"
    EXTRA_DERIVATIVE = "extra derivative"
    WRONG_DERIVATIVE = "wrong derivative"
    DERIVATIVE_AT_OUTPUT = "derivative at the output"
    DERIVATIVE_AT_INPUT = "derivative at the input"
    OUTPUT_DERIVATIVE_TWICE = "output derivative twice"
    TRANSPOSE = "transpose"
    NOT_SUMMED = "not summed"
    WRONG_AXIS = "wrong axis"
    STALE_WEIGHTS = "stale weights"
    BROADCAST = "broadcast"
    CLIPPED = "clipped"
    MISSING_PATH = "missing path"
    EXTRA_PATH = "extra path"
    WRONG_TARGET = "wrong target"
    WRONG_VALUE = "wrong value"
    CLIMBS = "climbs"
    UNKNOWN = "unknown"
