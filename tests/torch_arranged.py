"""What the peers in PyTorch have in common: parameters that lie as ours do, and functions that are modules.

A peer is made by a function of our layer and torch: a module of PyTorch with the same weights, and its parameters by
our names, each an `Arranged`.
"""

import numpy as np


class Arranged:
    """A parameter of PyTorch as ours lies.

    Parameters
    ----------
    parameter
        That of PyTorch.
    ours
        What makes a tensor that lies as ours of one that lies as theirs; by default nothing is to be done.
    """

    def __init__(self, parameter, ours=lambda theirs: theirs):
        self.parameter, self.ours = parameter, ours

    @property
    def value(self):
        return self.ours(self.parameter.detach()).numpy()

    @property
    def gradient(self):
        return self.ours(self.parameter.grad).numpy()


def turned(theirs):
    """A matrix (out, in) ↦ (in, out); a vector stays."""
    return theirs.t()


def tensor(torch, array):
    return torch.tensor(np.array(array))


def with_weights(torch, ours, theirs, prefix=""):
    """A module of PyTorch takes over the weight and the bias of a layer; its parameters by our names."""
    named = {}
    for name in ("weight", "bias"):
        if (array := getattr(ours, name, None)) is not None:
            parameter = torch.nn.Parameter(tensor(torch, array.numpy().T))
            setattr(theirs, name, parameter)
            named[f"{prefix}{name}"] = Arranged(parameter, turned)
    return named


def as_module(torch, function, *inside):
    """A function as a module, which holds the modules that it calls."""

    class Function(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inside = torch.nn.ModuleList(inside)

        def forward(self, *xs):
            return function(*xs)

    return Function()
