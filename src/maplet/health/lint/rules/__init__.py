"""The rules of the lint, one file per subject; importing this room enters them into the registry."""

from maplet.health.lint.rules import (
    classes,
    curvature,
    cut,
    infinite,
    inputs,
    linear,
    normalization,
    outputs,
    paths,
    shapes,
    sharing,
    squashed,
    symmetry,
    targets,
    where,
)

__all__ = [
    "classes",
    "curvature",
    "cut",
    "infinite",
    "inputs",
    "linear",
    "normalization",
    "outputs",
    "paths",
    "shapes",
    "sharing",
    "squashed",
    "symmetry",
    "targets",
    "where",
]
