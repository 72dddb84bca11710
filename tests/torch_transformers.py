"""The peers in PyTorch of attention and the layers of transformers, with the same weights.

PyTorch keeps the projections of queries, keys and values as one weight: each of ours is some of its rows.
"""

import numpy as np

from torch_arranged import Arranged, as_module, turned, with_weights


def attention(net, peer, torch, prefix=""):
    """Give an `nn.MultiheadAttention` of PyTorch the weights of ours."""
    n, named = net.features, {}
    projections = ("query", "key", "value")
    for kind, packed in (("weight", peer.in_proj_weight), ("bias", peer.in_proj_bias)):
        if packed is None:
            continue
        ours = [getattr(getattr(net, name), kind).numpy().T for name in projections]
        packed.data = torch.tensor(np.concatenate(ours))
        for k, name in enumerate(projections):
            rows = slice(k * n, k * n + n)
            named[f"{prefix}{name}.{kind}"] = Arranged(packed, lambda theirs, rows=rows: turned(theirs[rows]))
    return named | with_weights(torch, net.output, peer.out_proj, f"{prefix}output.")


def layer(net, torch):
    """A layer of an encoder or decoder, its parameters by our names."""
    decodes = hasattr(net, "memory_attention")
    make = torch.nn.TransformerDecoderLayer if decodes else torch.nn.TransformerEncoderLayer
    hidden = net.feed_forward[0].out_features
    peer = make(
        net.features, net.attention.heads, hidden, 0.0, net.activation, norm_first=net.norm_first, batch_first=True,
        bias=net.bias,
    )  # fmt: skip
    named = attention(net.attention, peer.self_attn, torch, "attention.")
    norms = ["attention_norm", "feed_forward_norm"]
    if decodes:
        norms.insert(1, "memory_norm")
        named |= attention(net.memory_attention, peer.multihead_attn, torch, "memory_attention.")
    for n, name in enumerate(norms, 1):
        named |= with_weights(torch, getattr(net, name), getattr(peer, f"norm{n}"), f"{name}.")
    named |= with_weights(torch, net.feed_forward[0], peer.linear1, "feed_forward.layers.0.")
    named |= with_weights(torch, net.feed_forward[3], peer.linear2, "feed_forward.layers.3.")
    return peer, named


def stack(net, torch):
    """A stack of layers, its parameters by our names."""
    name = type(net).__name__
    pairs = [layer(one, torch) for one in net.layers]
    norm, named = None, {f"layers.{n}.{key}": part for n, (_, own) in enumerate(pairs) for key, part in own.items()}
    if net.norm is not None:
        norm = torch.nn.LayerNorm(net.norm.features)
        named |= with_weights(torch, net.norm, norm, "norm.")
    settings = {"enable_nested_tensor": False} if name == "TransformerEncoder" else {}
    peer = getattr(torch.nn, name)(pairs[0][0], len(pairs), norm, **settings)
    peer.layers = torch.nn.ModuleList([one for one, _ in pairs])
    return peer, named


def multi_head_peer(net, torch):
    peer = torch.nn.MultiheadAttention(net.features, net.heads, bias=net.bias, batch_first=True)
    named = attention(net, peer, torch)

    def run(query, key=None, value=None):
        key = query if key is None else key
        return peer(query, key, key if value is None else value, need_weights=False)[0]

    return as_module(torch, run, peer), named


def encoder_peer(net, torch):
    return (stack if hasattr(net, "layers") else layer)(net, torch)


def decoder_peer(net, torch):
    """A decoder that does not see its future, as ours by default."""
    peer, named = encoder_peer(net, torch)

    def run(x, memory):
        future = torch.ones(x.shape[-2], x.shape[-2], dtype=torch.bool).triu(1)
        return peer(x, memory, tgt_mask=future)

    return as_module(torch, run, peer), named


def learned_positions(net, torch):
    """Rows of a table, which in PyTorch is written with an Embedding."""
    table = torch.nn.Embedding(net.length, net.features)
    table.weight.data = torch.tensor(net.weight.numpy().copy())
    return as_module(torch, lambda x: x + table(torch.arange(x.shape[-2])), table), {"weight": Arranged(table.weight)}


transformer_peers = {
    "MultiHeadAttention": multi_head_peer,
    "TransformerEncoderLayer": encoder_peer,
    "TransformerEncoder": encoder_peer,
    "TransformerDecoderLayer": decoder_peer,
    "TransformerDecoder": decoder_peer,
    "LearnedPositions": learned_positions,
}
