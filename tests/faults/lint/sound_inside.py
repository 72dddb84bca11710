"""Sound programs with loops, checkpoints, branches and gradients of one's own in them."""

import numpy as np
from lint_programs import Of, images, mlp, numbers, sound, table

import maplet as mp
from maplet import nn, optim


def series(rows=8, steps=6, columns=3):
    """Series, rows first, and two classes."""
    x = np.random.default_rng(0).standard_normal((rows, steps, columns)).astype(np.float32)
    return x, np.arange(rows) % 2


def by_hand(cell, states=1, **parts):
    """A recurrent net: ``cell(net, states, row) → states``, from which the first is read at the end."""

    def forward(net, x):
        start = tuple(mp.zeros((x.shape[0], 4)) for _ in range(states))
        end = mp.scan(lambda state, row: (cell(net, state, row), None), start, mp.permute_dims(x, (1, 0, 2)))[0]
        return net.head(end[0])

    rng = mp.random.Generator(0)
    usual = {"into": nn.Linear(3, 4, rng=rng), "across": nn.Linear(4, 4, rng=rng), "head": nn.Linear(4, 2, rng=rng)}
    return Of(forward, **(usual | parts)), "cross_entropy", series()


@sound
def an_elman_net():
    return by_hand(lambda net, s, x: (mp.tanh(net.into(x) + net.across(s[0])),))


@sound
def relus_in_the_step():
    return by_hand(lambda net, s, x: (mp.relu(net.into(x) + net.across(s[0])),))


@sound
def a_gated_unit():
    def cell(net, s, x):
        gate = mp.sigmoid(net.gate(mp.concat([x, s[0]], axis=1)))
        return (gate * s[0] + (1 - gate) * mp.tanh(net.into(x) + net.across(s[0])),)

    return by_hand(cell, gate=nn.Linear(7, 4, rng=9))


@sound
def a_memory_beside():
    def cell(net, s, x):
        h, c = s
        i, f, o, g = mp.split(net.gates(mp.concat([x, h], axis=1)), 4, axis=1)
        c = mp.sigmoid(f) * c + mp.sigmoid(i) * mp.tanh(g)
        return mp.sigmoid(o) * mp.tanh(c), c

    net, loss, data = by_hand(cell, 2, gates=nn.Linear(7, 16, rng=9))
    del net.into, net.across
    return net, loss, data


@sound
def a_linear_filter_that_is_learnt():
    """A linear recurrence is meant: what is behind it is not linear."""

    def forward(net, x):
        decay = mp.sigmoid(net.decay)
        last = mp.scan(
            lambda s, row: (decay * s + net.into(row), None), mp.zeros((8, 4)), mp.permute_dims(x, (1, 0, 2))
        )
        return net.head(mp.relu(last[0]))

    parts = {"decay": mp.Parameter(np.linspace(0, 2, 4, dtype=np.float32)), "into": nn.Linear(3, 4, rng=0)}
    return Of(forward, head=nn.Linear(4, 2, rng=1), **parts), "cross_entropy", series()


@sound
def a_projection_before_a_recurrent_layer():
    rng = mp.random.Generator(0)
    layers = nn.Linear(3, 6, rng=rng), nn.GRU(6, 6, rng=rng), nn.FinalOutput(), nn.Linear(6, 2, rng=rng)
    return nn.Sequential(*layers), "cross_entropy", series()


@sound
def a_stack_of_recurrent_layers():
    rng = mp.random.Generator(0)
    layers = (
        nn.Embedding(11, 6, rng=rng), nn.LSTM(6, 6, rng=rng), nn.Outputs(), nn.Dropout(0.1, rng=1),
        nn.LSTM(6, 6, rng=rng), nn.Outputs(), nn.Linear(6, 11, rng=rng),
    )  # fmt: skip
    tokens = np.random.default_rng(0).integers(0, 11, (6, 7))
    return nn.Sequential(*layers), "cross_entropy", (tokens, tokens)


@sound
def attention_at_every_step():
    def cell(net, s, x):
        weights = mp.softmax(s[0] @ net.keys / 2.0, axis=1)
        return (mp.tanh(net.into(x) + net.across(weights @ net.values)),)

    keys, values = (
        np.random.default_rng(n).standard_normal(k).astype(np.float32) for n, k in ((1, (4, 5)), (2, (5, 4)))
    )
    return by_hand(cell, keys=mp.Parameter(keys), values=mp.Parameter(values))


@sound
def softmax_in_blocks_with_what_was_greatest():
    """The memory of one block at a time: a sum that begins with 0 and a greatest number that begins with −∞."""

    def forward(net, x):
        q, k, v = net.q(x), net.k(x), net.v(x)

        def step(state, pair):
            top, total, out = state
            scores = mp.sum(q * pair[0][None], axis=1, keepdims=True)
            now = mp.maximum(top, scores)
            old, new = mp.exp(top - now), mp.exp(scores - now)
            return (now, old * total + new, old * out + new * pair[1][None]), None

        start = mp.full((40, 1), -1e9), mp.zeros((40, 1)), mp.zeros((40, 4))
        _, total, out = mp.scan(step, start, (k, v))[0]
        return net.head(mp.tanh(out / (total + 1e-9)))

    parts = {name: nn.Linear(5, 4, rng=n) for n, name in enumerate("qkv")}
    return Of(forward, head=nn.Linear(4, 3, rng=5), **parts), "cross_entropy", table()


@sound
def blocks_that_are_computed_again():
    rng = mp.random.Generator(0)
    blocks = [nn.Sequential(nn.LayerNorm(8), nn.Linear(8, 8, rng=rng), nn.GELU()) for _ in range(3)]

    def forward(net, x):
        h = net.into(x)
        for inner in net.blocks:
            h = h + mp.checkpoint(inner)(h)
        return net.head(h)

    return (
        Of(forward, blocks=blocks, into=nn.Linear(5, 8, rng=rng), head=nn.Linear(8, 3, rng=rng)),
        "cross_entropy",
        (table()),
    )


@sound
def a_transformer_layer_that_is_computed_again():
    rng = mp.random.Generator(0)
    forward = lambda net, x: net.head(mp.mean(mp.checkpoint(net.layer)(net.into(x)), axis=1))
    parts = {"into": nn.Linear(3, 8, rng=rng), "layer": nn.TransformerEncoderLayer(8, 2, rng=rng)}
    return Of(forward, head=nn.Linear(8, 2, rng=rng), **parts), "cross_entropy", series()


@sound
def dropout_inside_of_a_block():
    net = nn.Sequential(nn.Linear(5, 8, rng=0), nn.ReLU(), nn.Dropout(0.3, rng=1), nn.Linear(8, 3, rng=2))
    return Of(lambda net, x: mp.checkpoint(net.body)(x), body=net), "cross_entropy", table()


@sound
def two_heads_of_which_one_runs():
    forward = lambda net, x: mp.cond(mp.mean(x) > 0, net.first, net.second, mp.relu(net.body(x)))
    parts = {"first": nn.Linear(8, 3, rng=1), "second": nn.Linear(8, 3, rng=2)}
    return Of(forward, body=nn.Linear(5, 8, rng=0), **parts), "cross_entropy", table()


@sound
def logarithms_of_the_branch_that_is_taken():
    """Where the operand may be 0, the other branch runs."""

    def loss(p, y):
        q = mp.softmax(p)
        return -mp.mean(mp.cond(mp.min(q) > 1e-6, lambda: mp.log(q + 1e-9), lambda: mp.log_softmax(p))[:, 0] * (y + 1))

    return mlp(), loss, table()


@mp.custom_gradient
def rounded(x):
    return mp.round(x), lambda g: g


@sound
def a_code_that_is_rounded_with_a_gradient_of_ones_own():
    forward = lambda net, x: net.decoder(rounded(4 * mp.tanh(net.encoder(x))) / 4)
    x, _ = table()
    return Of(forward, encoder=nn.Linear(5, 3, rng=0), decoder=nn.Linear(3, 5, rng=1)), "mse", (x, x)


@mp.custom_gradient
def reversed_gradient(x):
    return x, lambda g: -g


@sound
def a_domain_that_is_unlearnt():
    def forward(net, x):
        h = mp.relu(net.body(x))
        return net.classes(h), net.domain(reversed_gradient(h))

    def loss(found, y):
        return nn.cross_entropy(found[0], y) + nn.cross_entropy(found[1], y % 2)

    parts = {"classes": nn.Linear(8, 3, rng=1), "domain": nn.Linear(8, 2, rng=2)}
    return Of(forward, body=nn.Linear(5, 8, rng=0), **parts), loss, table()


@mp.custom_gradient
def safe_root(x):
    root = mp.sqrt(x)
    return root, lambda g: g * 0.5 / mp.maximum(root, 1e-3)


@sound
def a_root_with_a_gradient_that_is_bounded():
    forward = lambda net, x: net.head(safe_root(mp.relu(net.body(x))))
    return Of(forward, body=nn.Linear(5, 8, rng=0), head=nn.Linear(8, 1, rng=1)), "mse", numbers()


@sound
def an_equilibrium():
    def forward(net, x):
        z = net.into(x)
        step = lambda h: mp.tanh(0.5 * net.across(h) + z)
        return net.head(mp.fori_loop(0, 4, lambda _, h: step(h), mp.zeros_like(z)))

    parts = {"into": nn.Linear(5, 4, rng=0), "across": nn.Linear(4, 4, rng=1), "head": nn.Linear(4, 3, rng=2)}
    return Of(forward, **parts), "cross_entropy", table()


@sound
def a_loop_that_ends_when_it_is_near():
    def forward(net, x):
        z = net.into(x)

        def step(state):
            n, h, _ = state
            after = mp.tanh(0.5 * net.across(h) + z)
            return n + 1, after, mp.max(mp.abs(after - h))

        return net.head(mp.while_loop(lambda s: s[2] > 1e-3, step, (0, mp.zeros_like(z), 1.0), bound=5)[1])

    parts = {"into": nn.Linear(5, 4, rng=0), "across": nn.Linear(4, 4, rng=1), "head": nn.Linear(4, 3, rng=2)}
    return Of(forward, **parts), "cross_entropy", table()


@sound
def steps_of_an_equation():
    """A neural differential equation by Euler's method."""
    forward = lambda net, x: net.head(mp.scan(lambda h, _: (h + 0.2 * net.flow(h), None), net.into(x), length=5)[0])
    flow = nn.Sequential(nn.Linear(4, 8, rng=2), nn.Tanh(), nn.Linear(8, 4, rng=3))
    return Of(forward, into=nn.Linear(5, 4, rng=0), flow=flow, head=nn.Linear(4, 3, rng=1)), "cross_entropy", table()


@sound
def a_loss_row_by_row():
    def loss(p, y):
        return mp.mean(mp.map(lambda pair: -mp.log_softmax(pair[0])[0] * pair[1], (p, y.astype(mp.float32))))

    return mlp(), loss, table()


@sound
def a_normalization_in_a_block():
    rng = mp.random.Generator(0)
    body = nn.Sequential(nn.Conv2d(2, 4, 3, bias=False, rng=rng), nn.BatchNorm(4), nn.ReLU())
    forward = lambda net, x: net.head(mp.mean(mp.checkpoint(net.body)(x), axis=(1, 2)))
    return Of(forward, body=body, head=nn.Linear(4, 4, rng=rng)), "cross_entropy", images()


@sound
def several_steps_of_descent_inside():
    """A gradient through steps of gradient descent, as learning to learn has it."""

    def loss(theta, x, y):
        inner = lambda w: mp.mean((x @ w - y) ** 2)
        step = lambda w, _: (w - 0.1 * mp.exp(theta["rate"]) * mp.grad(inner)(w), None)
        return inner(mp.scan(step, theta["start"], length=3)[0])

    x, y = numbers()
    return loss, ({"rate": mp.zeros(()), "start": mp.zeros((5, 1))}, x, y)


@sound
def a_rate_for_a_block():
    net = Of(lambda net, x: mp.checkpoint(net.body)(x), body=mlp())
    return net, "cross_entropy", table(), {"optimizer": optim.SGD(0.1, momentum=0.9)}
