"""Recurrent cells and layers in PyTorch, with the weights of ours."""

import numpy as np

from maplet import nn


def peer_of_cell(cell, torch):
    """The same cell in PyTorch, and the gradients of its parameters by our names."""
    name = type(cell).__name__
    settings = {"nonlinearity": cell.activation} if name == "RNNCell" else {}
    peer = getattr(torch.nn, name)(cell.in_features, cell.hidden_features, bias=cell.bias is not None, **settings)
    return peer, share_weights(cell, peer, "", torch)


def peer_of_layer(layer, torch):
    """The same layer in PyTorch, and the gradients of its parameters by our names."""
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
    gradients = {}
    for depth, cells in enumerate(layer.cells):
        for direction, cell in enumerate(cells):
            suffix = f"_l{depth}{'_reverse' * direction}"
            own = share_weights(cell, peer, suffix, torch)
            gradients |= {f"cells.{depth}.{direction}.{key}": value for key, value in own.items()}
    return peer, gradients


def share_weights(cell, peer, suffix, torch):
    """Give PyTorch the weights of a cell; our name → a function that reads the gradient there, in our layout.

    Its two biases are added up wherever we have one. So the second is 0 and stays it, also when it is trained.
    """
    H = cell.hidden_features

    def theirs(name):
        return getattr(peer, f"{name}{suffix}")

    def give(name, value):
        theirs(name).data = torch.tensor(np.ascontiguousarray(value))

    def gradient(name, in_our_layout):
        return lambda: in_our_layout(theirs(name).grad.numpy())

    give("weight_ih", cell.weight.numpy().T)
    give("weight_hh", cell.recurrent_weight.numpy().T)
    gradients = {
        "weight": gradient("weight_ih", np.transpose),
        "recurrent_weight": gradient("weight_hh", np.transpose),
    }
    if cell.bias is None:
        return gradients
    give("bias_ih", cell.bias.numpy())
    gradients["bias"] = gradient("bias_ih", np.asarray)
    second = np.zeros_like(cell.bias.numpy())
    free = np.zeros_like(second)
    if isinstance(cell, nn.GRUCell):
        second[2 * H :] = cell.candidate_bias.numpy()
        free[2 * H :] = 1
        gradients["candidate_bias"] = gradient("bias_hh", lambda both: both[2 * H :])
    give("bias_hh", second)
    theirs("bias_hh").register_hook(lambda gradient: gradient * torch.tensor(free))
    return gradients


recurrent_peers = {
    **dict.fromkeys(("RNN", "LSTM", "GRU"), peer_of_layer),
    **dict.fromkeys(("RNNCell", "LSTMCell", "GRUCell"), peer_of_cell),
}
