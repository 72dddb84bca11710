"""Programs as they are, put inside of something: a checkpoint, a branch, the step of a loop."""

import maplet as mp
from maplet import nn
from maplet.core.tree import leaves, replace


def checkpointed(f):
    """Computed again for the pullback."""
    return mp.checkpoint(f)


def branched(f):
    """In one of two branches; the other gives zeros of the same kind."""

    def call(*args):
        x = next(iter(leaves(list(args)).values()))
        kinds = mp.checkpoint(f)(*args)  # thrown away: it tells what f gives
        return mp.cond(mp.all(x == x), lambda: f(*args), lambda: replace(kinds, mp.zeros_like))  # noqa: PLR0124  (true)

    return call


def looped(f):
    """In every step of a loop of two."""

    def call(*args):
        _, found = mp.scan(lambda nothing, _: (nothing, f(*args)), 0.0, length=2)
        return replace(found, lambda rows: rows[0])

    return call


forms = {"checkpoint": checkpointed, "branch": branched, "loop": looped}


class Inside(nn.Module):
    """A net inside of a form."""

    def __init__(self, inner, form):
        self.inner, self.form = inner, form

    def forward(self, x):
        return self.form(self.inner)(x)


def put_inside(program, form):
    """A program whose net is inside of a form, or the function that it is, where it is one."""

    def inside():
        net, *rest = program()
        is_net = callable(rest[0]) or isinstance(rest[0], str)
        return (Inside(net, form), *rest) if is_net else (form(net), *rest)

    inside.__name__ = program.__name__
    return inside
