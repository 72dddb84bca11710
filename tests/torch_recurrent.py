"""Recurrent cells and layers in PyTorch, with the weights of ours."""

import numpy as np

from maplet import nn
from torch_arranged import Arranged, as_module, turned


def peer_of_cell(cell, torch):
    """The same cell in PyTorch, and its parameters by our names."""
    name = type(cell).__name__
    settings = {"nonlinearity": cell.activation} if name == "RNNCell" else {}
    peer = getattr(torch.nn, name)(cell.in_features, cell.hidden_features, bias=cell.bias is not None, **settings)
    return peer, share_weights(cell, peer, "", torch)


def peer_of_layer(layer, torch):
    """The same layer in PyTorch, and its parameters by our names."""
    name = type(layer).__name__
    settings = {"nonlinearity": layer.activation} if name == "RNN" else {}
    peer = getattr(torch.nn, name)(
        layer.in_features,
        layer.hidden_features,
        layer.layers,
        bias=layer.bias,
        bidirectional=layer.bidirectional,
        batch_first=True,
        **settings,
    )
    named = {}
    for depth, cells in enumerate(layer.cells):
        for direction, cell in enumerate(cells):
            suffix = f"_l{depth}{'_reverse' * direction}"
            own = share_weights(cell, peer, suffix, torch)
            named |= {f"cells.{depth}.{direction}.{key}": value for key, value in own.items()}
    return peer, named


def share_weights(cell, peer, suffix, torch):
    """Give PyTorch the weights of a cell; its parameters by our names.

    Its two biases are added up wherever we have one. So the second is 0 and stays it, also when it is trained.
    """
    H = cell.hidden_features

    def theirs(name):
        return getattr(peer, f"{name}{suffix}")

    def give(name, value):
        theirs(name).data = torch.tensor(np.ascontiguousarray(value))

    give("weight_ih", cell.weight.numpy().T)
    give("weight_hh", cell.recurrent_weight.numpy().T)
    named = {
        "weight": Arranged(theirs("weight_ih"), turned),
        "recurrent_weight": Arranged(theirs("weight_hh"), turned),
    }
    if cell.bias is None:
        return named
    give("bias_ih", cell.bias.numpy())
    named["bias"] = Arranged(theirs("bias_ih"))
    second = np.zeros_like(cell.bias.numpy())
    free = np.zeros_like(second)
    if isinstance(cell, nn.GRUCell):
        second[2 * H :] = cell.candidate_bias.numpy()
        free[2 * H :] = 1
        named["candidate_bias"] = Arranged(theirs("bias_hh"), lambda both: both[2 * H :])
    give("bias_hh", second)
    theirs("bias_hh").register_hook(lambda gradient: gradient * torch.tensor(free))
    return named


def outputs(_, torch):
    return as_module(torch, lambda given: given[0]), {}


def final_output(_, torch):
    """The states at the end of the last layer, those of two directions side by side."""

    def final(given):
        outputs, state = given
        h = state[0] if isinstance(state, tuple) else state
        directions = outputs.shape[-1] // h.shape[-1]
        return torch.cat(list(h[-directions:]), dim=-1)

    return as_module(torch, final), {}


recurrent_peers = {
    **dict.fromkeys(("RNN", "LSTM", "GRU"), peer_of_layer),
    **dict.fromkeys(("RNNCell", "LSTMCell", "GRUCell"), peer_of_cell),
    "Outputs": outputs,
    "FinalOutput": final_output,
}
