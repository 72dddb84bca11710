"""Faults inside of something: in the step of a loop, a checkpointed block, a branch, a gradient of one's own."""

import numpy as np
from lint_programs import Of, fault, mlp, numbers, table

import maplet as mp
from maplet import nn, optim


def sequences(rows=8, steps=6, columns=3, seed=0):
    """Series, steps first, and two classes."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal((steps, rows, columns)).astype(np.float32), np.arange(rows) % 2


def steps_of(cell, start=4, **parts):
    """A net whose step over a series is written by hand: ``cell(net, h, x) → (h, y)``; it gives the last h."""

    def forward(net, x):
        h = mp.zeros((x.shape[1], start))
        return net.head(mp.scan(lambda h, row: cell(net, h, row), h, x)[0])

    rng = mp.random.Generator(0)
    usual = {"into": nn.Linear(3, 4, rng=rng), "across": nn.Linear(4, 4, rng=rng), "head": nn.Linear(4, 2, rng=rng)}
    return Of(forward, **(usual | parts))


# ── in the step of a loop ────────────────────────────────────────────────────────────────────────


def series(cell, **parts):
    x, y = sequences()
    return lambda net: nn.cross_entropy(net(x), y), (steps_of(cell, **parts),)


@fault("ML002")
def a_root_in_every_step():
    return series(lambda net, h, x: (mp.sqrt(mp.relu(net.into(x) + net.across(h))), None))


@fault("ML002")
def a_root_of_what_is_added_up_from_step_to_step():
    def forward(net, x):
        energy = mp.scan(lambda e, row: (e + net.into(row) ** 2, None), mp.zeros((x.shape[1], 4)), x)[0]
        return net.head(mp.sqrt(energy))

    x, y = sequences()
    net = Of(forward, into=nn.Linear(3, 4, rng=0), head=nn.Linear(4, 2, rng=1))
    return lambda net: nn.cross_entropy(net(x), y), (net,)


@fault("ML003")
def a_loss_of_logits_in_every_step():
    def loss(net, x, y):
        def step(total, pair):
            row, target = pair
            return total + nn.cross_entropy(mp.softmax(net(row)), target), None

        return mp.scan(step, 0.0, (x, y))[0]

    x, y = sequences()
    return loss, (mlp(columns=3, classes=2), x, np.tile(y, (6, 1)))


@fault("ML003")
def a_softmax_at_the_end_of_every_step():
    def forward(net, x):
        return mp.map(lambda row: mp.softmax(net.body(row)), x)

    x, y = sequences()
    return Of(forward, body=mlp(columns=3, classes=2)), "cross_entropy", (x, np.tile(y, (6, 1)))


@fault("ML004")
def squares_of_every_step():
    def loss(net, x, y):
        return mp.sum(mp.map(lambda pair: mp.mean((net(pair[0]) - pair[1]) ** 2), (x, y)))

    x, _ = sequences()
    return loss, (mlp(columns=3, classes=1), x, x[..., 0])


@fault("ML005")
def a_gradient_that_is_stopped_in_the_step():
    return series(lambda net, h, x: (mp.tanh(mp.stop_gradient(net.into(x)) + net.across(h)), None))


@fault("ML007")
def a_layer_from_outside_in_the_step():
    outside = nn.Linear(3, 4, rng=3)
    return series(lambda net, h, x: (mp.tanh(outside(x) + net.across(h)), None), into=nn.Sequential())


@fault("ML009")
def a_norm_in_the_step_that_is_thrown_away():
    def cell(net, h, x):
        h = mp.tanh(net.into(x) + net.across(h))
        net.norm(h)
        return h, None

    return series(cell, norm=nn.LayerNorm(4))


@fault("ML009")
def a_gate_in_the_step_that_is_closed():
    return series(lambda net, h, x: (mp.tanh(net.into(x)) + 0.0 * net.across(h), None))


@fault("ML009")
def units_of_a_step_that_are_all_off():
    x, y = sequences()
    into = nn.Linear(3, 32, rng=0)
    into.bias = mp.Parameter(mp.full((32,), -40.0))
    cell = lambda net, h, x: (mp.tanh(net.out(mp.relu(net.into(x))) + net.across(h)), None)
    return lambda net: nn.cross_entropy(net(x), y), (steps_of(cell, into=into, out=nn.Linear(32, 4, rng=1)),)


@fault("ML016")
def a_step_with_weights_of_zero():
    zero = {"weight_init": "zeros"}
    return series(
        lambda net, h, x: (mp.tanh(net.into(x) + net.across(h)), None),
        into=nn.Linear(3, 4, **zero), across=nn.Linear(4, 4, **zero), head=nn.Linear(4, 2, weight_init="ones"),
    )  # fmt: skip


@fault("ML017")
def two_linear_layers_in_the_step():
    return series(
        lambda net, h, x: (mp.tanh(net.wider(net.into(x)) + net.across(h)), None), wider=nn.Linear(4, 4, rng=5)
    )


@fault("ML018")
def a_bias_before_a_norm_in_the_step():
    def forward(net, x):
        return mp.mean(mp.map(lambda row: net.head(mp.relu(net.norm(net.into(row)))), x), axis=0)

    x, y = sequences()
    net = Of(forward, into=nn.Linear(3, 4, rng=0), norm=nn.BatchNorm(4), head=nn.Linear(4, 2, rng=1))
    return lambda net: nn.cross_entropy(net(x), y), (net,)


@fault("ML002")
def a_loop_that_divides_by_a_sum_of_relus():
    def forward(net, x):
        def step(state):
            n, h = state
            h = mp.relu(net.across(h))
            return n + 1, h / mp.sum(h, axis=1, keepdims=True)

        return net.head(mp.while_loop(lambda s: s[0] < 3, step, (0, net.into(x)), bound=4)[1])

    parts = {"into": nn.Linear(5, 4, rng=0), "across": nn.Linear(4, 4, rng=1), "head": nn.Linear(4, 3, rng=2)}
    return Of(forward, **parts), "cross_entropy", table()


# ── in a checkpointed block ──────────────────────────────────────────────────────────────────────


def block(inside, **parts):
    rng = mp.random.Generator(0)
    forward = lambda net, x: net.head(mp.checkpoint(lambda x: inside(net, x))(x))
    usual = {"first": nn.Linear(5, 8, rng=rng), "second": nn.Linear(8, 8, rng=rng), "head": nn.Linear(8, 3, rng=rng)}
    return Of(forward, **(usual | parts)), "cross_entropy", table()


@fault("ML017")
def a_block_without_an_activation():
    return block(lambda net, x: mp.tanh(net.second(net.first(x))))


@fault("ML017")
def a_block_before_which_there_is_no_activation():
    rng = mp.random.Generator(0)
    outer, inner, head = nn.Linear(5, 8, rng=rng), nn.Linear(8, 8, rng=rng), nn.Linear(8, 3, rng=rng)
    forward = lambda net, x: net.head(mp.checkpoint(lambda z: mp.relu(net.inner(z)))(net.outer(x)))
    return Of(forward, outer=outer, inner=inner, head=head), nn.cross_entropy, table()


@fault("ML009")
def a_block_whose_second_layer_is_thrown_away():
    def inside(net, x):
        h = mp.relu(net.first(x))
        net.second(h)
        return h

    return block(inside)


@fault("ML010")
def a_block_that_normalizes_one_feature():
    return block(
        lambda net, x: mp.relu(net.back(net.norm(net.first(x)))),
        first=nn.Linear(5, 1, rng=0), norm=nn.LayerNorm(1), back=nn.Linear(1, 8, rng=1), second=nn.Sequential(),
    )  # fmt: skip


@fault("ML018")
def a_bias_before_a_norm_by_hand_in_a_block():
    def inside(net, x):
        h = net.first(x)
        centred = h - mp.mean(h, axis=0)
        return net.second(mp.relu(centred * mp.rsqrt(mp.mean(centred**2, axis=0) + 1e-5)))

    return block(inside)


@fault("ML011")
def a_block_that_ends_in_dropout():
    body, drop = mlp(), nn.Dropout(0.5, rng=3)
    net = Of(lambda net, x: mp.checkpoint(lambda x: net.drop(net.body(x)))(x), body=body, drop=drop)
    return net, nn.cross_entropy, table()


@fault("ML012")
def a_block_that_ends_in_a_sigmoid():
    x, y = numbers()
    net = Of(lambda net, x: mp.checkpoint(lambda x: mp.sigmoid(net.body(x)))(x), body=mlp(classes=1))
    return net, "mse", (x, 5 * y)


@fault("ML015")
def raw_inputs_of_a_block():
    x, y = table()
    net = Of(lambda net, x: mp.checkpoint(net.body)(x), body=mlp())
    return net, nn.cross_entropy, (200 * x, y)


@fault("ML019")
def a_rate_that_is_too_large_for_a_block():
    x, y = numbers()
    net = Of(lambda net, x: mp.checkpoint(net.body)(x), body=nn.Linear(5, 1, rng=0))
    return net, "mse", (x, y), {"optimizer": optim.SGD(6.0)}


# ── in a branch ──────────────────────────────────────────────────────────────────────────────────


@fault("ML003")
def a_softmax_in_one_of_the_branches():
    def forward(net, x):
        z = net.body(x)
        return mp.cond(mp.max(z) > 5, lambda: z / mp.max(z), lambda: mp.softmax(z))

    return Of(forward, body=mlp()), "cross_entropy", table()


@fault("ML002")
def a_logarithm_of_a_softmax_in_a_branch():
    def loss(p, y):
        return -mp.mean(mp.cond(mp.mean(p) > 3, lambda: p, lambda: mp.log(mp.softmax(p)))[:, 0]) + 0.0 * mp.sum(y)

    return mlp(), loss, table()


@fault("ML009")
def a_branch_whose_layer_is_thrown_away():
    def spared(net, x):
        net.side(x)
        return net.body(x)

    forward = lambda net, x: mp.cond(mp.mean(x) > 9, lambda: net.body(2.0 * x), lambda: spared(net, x))
    return Of(forward, body=mlp(), side=nn.Linear(5, 3, rng=4)), "cross_entropy", table()


# ── in a function with a gradient of one's own ───────────────────────────────────────────────────


@mp.custom_gradient
def scaled_softmax(z):
    p = mp.softmax(z)
    return p, lambda g: p * (g - mp.sum(g * p, axis=-1, keepdims=True))


@fault("ML003")
def a_softmax_with_a_gradient_of_ones_own():
    return Of(lambda net, x: scaled_softmax(net.body(x)), body=mlp()), "cross_entropy", table()


@mp.custom_gradient
def layer_of_ones_own(x, w):
    return x @ w, lambda g: (g @ w.T, x.T @ g)


@fault("ML017")
def products_with_gradients_of_ones_own():
    rng = np.random.default_rng(0)
    u, v = (mp.Parameter(0.5 * rng.standard_normal(s).astype(np.float32)) for s in ((5, 8), (8, 3)))
    return Of(lambda net, x: layer_of_ones_own(layer_of_ones_own(x, net.u), net.v), u=u, v=v), "cross_entropy", table()


@mp.custom_gradient
def frozen_product(x, w):
    return x @ w, lambda g: (g @ w.T, None)


@fault("ML005")
def a_pullback_that_forgets_the_weights():
    w = mp.Parameter(np.random.default_rng(0).standard_normal((5, 8)).astype(np.float32))
    net = Of(lambda net, x: net.head(mp.tanh(frozen_product(x, net.w))), w=w, head=nn.Linear(8, 3, rng=0))
    return net, "cross_entropy", table()


@mp.custom_gradient
def centred(x):
    return x - mp.mean(x, axis=0), lambda g: g - mp.mean(g, axis=0)


@fault("ML018")
def a_bias_before_a_centring_of_ones_own():
    forward = lambda net, x: net.head(mp.relu(centred(net.first(x))))
    return Of(forward, first=nn.Linear(5, 8, rng=0), head=nn.Linear(8, 3, rng=1)), "cross_entropy", table()
