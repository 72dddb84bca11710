"""What people call their parameters: nothing else says of an array that it is one."""

from __future__ import annotations

import re

is_bias = re.compile(r"^b(_?[a-z]{0,2}_?\d*)$|^bias(es)?(_|\d|$)")
is_weight = re.compile(r"^[Ww](_?[a-z]{0,2}_?\d*)$|^(theta|beta|weights?|kernels?)(_|\d|$)")
role = re.compile(r"(weights?|bias(es)?|kernels?|[Wwb])(?=[^.]*$)")


def stem(path: str) -> str:
    """A name without its number: ``W`` of ``W1``."""
    return re.sub(r"[\d_]+$", "", path)


def is_parameter_beside(path: str, others: set[str]) -> bool:
    """Whether an array is called like a parameter of a net that has others: ``b2`` beside ``b1``, or beside ``W2``."""
    name = path.rpartition(".")[2]
    if not (is_bias.search(name) or is_weight.search(name)):
        return False
    return stem(path) in set(map(stem, others)) or role.sub("", path) in {role.sub("", other) for other in others}
