"""Faults in other words: what people write who do not know the rules."""

import copy

import numpy as np
from lint_programs import Of, fault, images, mlp, numbers, table

import maplet as mp
from maplet import nn, optim


def yes_or_no():
    x, y = numbers()
    return x, (y > 0).astype(np.float32)


# ── ML002 ────────────────────────────────────────────────────────────────────────────────────────


@fault("ML002")
def an_entropy_by_hand():
    def loss(z, y):
        p = mp.softmax(z)
        return nn.cross_entropy(z, y) + 0.1 * mp.mean(mp.sum(p * mp.log(p), axis=1))

    return mlp(), loss, table()


@fault("ML002")
def a_divergence_by_hand():
    def loss(z, y):
        p, q = mp.one_hot(y, 3) * 0.9 + 0.05, mp.softmax(z)
        return mp.sum(p * mp.log(p / q))

    return mlp(), loss, table()


@fault("ML002")
def distances_between_all_pairs():
    def loss(z, y):
        apart = mp.sqrt(mp.sum((z[:, None] - z[None]) ** 2, axis=-1))
        return mp.mean(apart * (y[:, None] == y[None]).astype(mp.float32))

    return mlp(), loss, table()


@fault("ML002")
def a_standard_deviation_as_a_penalty():
    net = mlp(classes=4)
    net.layers[2] = nn.Linear(16, 4, weight_init="zeros")
    return net, lambda z, y: mp.mean((z[:, :1] - y) ** 2) - mp.mean(mp.sqrt(mp.var(z, axis=0))), numbers()


@fault("ML002")
def a_geometric_mean_of_relus():
    forward = lambda net, x: mp.exp(mp.mean(mp.log(mp.relu(net.body(x))), axis=1, keepdims=True))
    return Of(forward, body=nn.Linear(5, 8, rng=0)), "mse", numbers()


# ── ML003 ────────────────────────────────────────────────────────────────────────────────────────


@fault("ML003")
def a_sigmoid_before_softplus():
    loss = lambda p, y: mp.mean(mp.softplus(p) - p * y)
    return nn.Sequential(mlp(classes=1), nn.Sigmoid()), loss, yes_or_no()


@fault("ML003")
def softmax_in_the_loss_and_in_the_net():
    loss = lambda p, y: -mp.mean(mp.sum(mp.one_hot(y, 3) * mp.log(mp.softmax(p) + 1e-9), axis=1))
    return Of(lambda net, x: mp.softmax(net.body(x), axis=-1), body=mlp()), loss, table()


@fault("ML003")
def a_stable_softmax_by_hand():
    def forward(net, x):
        z = net.body(x)
        z = z - mp.max(z, axis=1, keepdims=True)
        e = mp.exp(z)
        return e / mp.sum(e, axis=1, keepdims=True)

    return Of(forward, body=mlp()), "cross_entropy", table()


@fault("ML003")
def a_sigmoid_by_hand_before_its_loss():
    net = Of(lambda net, x: 1.0 / (1.0 + mp.exp(-net.body(x))), body=mlp(classes=1))
    return net, nn.binary_cross_entropy, yes_or_no()


# ── ML005 and ML007 ──────────────────────────────────────────────────────────────────────────────


@fault("ML005")
def a_choice_by_argmax():
    def forward(net, x):
        choice = mp.argmax(net.gate(x), axis=1)
        both = mp.stack([net.first(x), net.second(x)], axis=1)
        return mp.take_along_axis(both, choice[:, None, None], axis=1)[:, 0]

    parts = {name: nn.Linear(5, k, rng=n) for n, (name, k) in enumerate((("gate", 2), ("first", 3), ("second", 3)))}
    return Of(forward, **parts), "cross_entropy", table()


@fault("ML005")
def a_layer_in_a_list_that_is_left_out():
    layers = [nn.Linear(5, 5, rng=n) for n in range(3)]

    def forward(net, x):
        for layer in net.layers[:-1]:
            x = mp.relu(layer(x))
        return net.head(x)

    return Of(forward, layers=layers, head=nn.Linear(5, 3, rng=9)), "cross_entropy", table()


@fault("ML007")
def a_net_that_is_frozen_as_a_whole():
    return mlp().freeze(), "cross_entropy", table()


@fault("ML007")
def a_layer_that_is_made_anew_in_every_call():
    return (
        Of(lambda net, x: net.head(mp.relu(nn.Linear(5, 8, rng=0)(x))), head=nn.Linear(8, 3, rng=1)),
        ("cross_entropy"),
        table(),
    )


# ── ML006 ────────────────────────────────────────────────────────────────────────────────────────


@fault("ML006")
def layers_that_are_copies():
    layer = nn.Linear(5, 5, rng=0)
    net = nn.Sequential(layer, nn.ReLU(), copy.deepcopy(layer), nn.ReLU(), nn.Linear(5, 3, rng=1))
    return net, "cross_entropy", table()


@fault("ML006")
def heads_that_begin_alike():
    def forward(net, x):
        return mp.concat([head(x) for head in net.heads], axis=1)

    return Of(forward, heads=[nn.Linear(5, 2, rng=mp.random.Generator(3)) for _ in range(2)]), "mse", (
        table()[0], np.ones((40, 4), np.float32),
    )  # fmt: skip


# ── ML008, ML009 and ML011 ───────────────────────────────────────────────────────────────────────


@fault("ML008")
def a_net_that_reads_its_weights_alone():
    forward = lambda net, x: mp.broadcast_to(mp.mean(net.body.layers[0].weight), (x.shape[0], 1))
    return Of(forward, body=mlp()), "mse", numbers()


@fault("ML008")
def a_sigmoid_that_is_saturated():
    net = nn.Sequential(mlp(classes=1), nn.Sigmoid())
    net.layers[0].layers[2].bias = mp.Parameter(mp.full((1,), 200.0))
    return net, "mse", yes_or_no()


@fault("ML009")
def a_weight_of_zero_for_a_part_of_the_loss():
    def loss(net, x, y):
        z, extra = net.body(x), net.extra(x)
        return nn.cross_entropy(z, y) + 0 * mp.mean(extra**2)

    return loss, (Of(None, body=mlp(), extra=nn.Linear(5, 2, rng=7)), *table())


@fault("ML009")
def a_mask_that_is_false_everywhere():
    mask = np.zeros((1, 3), bool)
    forward = lambda net, x: mp.where(mp.asarray(mask), net.side(x), 0.0) + net.body(x)
    return Of(forward, body=mlp(), side=nn.Linear(5, 3, rng=9)), "cross_entropy", table()


@fault("ML011")
def dropout_of_all_outputs_by_a_mask():
    def forward(net, x):
        z = net.body(x)
        return mp.where(net.rng.uniform(z.shape) < 0.2, 0.0, z / 0.8)

    return Of(forward, body=mlp(classes=1), rng=mp.random.Generator(0)), "mse", numbers()


# ── ML012, ML013 and ML014 ───────────────────────────────────────────────────────────────────────


@fault("ML012")
def minus_one_and_one_after_a_sigmoid():
    x, y = yes_or_no()
    return nn.Sequential(mlp(classes=1), nn.Sigmoid()), "mse", (x, 2 * y - 1)


@fault("ML012")
def minus_one_and_one_for_a_loss_of_yes_and_no():
    x, y = yes_or_no()
    return mlp(classes=1), lambda z, y: mp.mean(mp.softplus(z) - z * y), (x, 2 * y - 1)


@fault("ML012")
def probabilities_beyond_one_by_a_squared_error_by_hand():
    x, y = numbers()
    net = Of(lambda net, x: mp.softmax(net.body(x))[:, :1], body=mlp())
    return net, lambda p, y: mp.mean(mp.square(y - p)), (x, 3 * np.abs(y) + 1)


@fault("ML013")
def too_few_outputs_for_tokens():
    tokens = np.random.default_rng(0).integers(0, 12, (6, 7))
    net = nn.Sequential(nn.Embedding(12, 8, rng=0), nn.ReLU(), nn.Linear(8, 10, rng=1))
    return net, "cross_entropy", (tokens, tokens)


@fault("ML014")
def pixels_that_are_numbered_from_one():
    x, _ = images()
    net = nn.Sequential(nn.Conv2d(2, 8, 3, padding="same", rng=0), nn.ReLU(), nn.Conv2d(8, 4, 1, rng=1))
    return net, "cross_entropy", (x, np.random.default_rng(0).integers(1, 5, (12, 6, 6)))


# ── ML015, ML016 and ML019 ───────────────────────────────────────────────────────────────────────


@fault("ML015")
def metres_for_what_are_micrometres():
    x, y = table()
    return mlp(), "cross_entropy", (x * 1e-6, y)


@fault("ML015")
def seconds_since_1970():
    x, y = table()
    x = x.copy()
    x[:, 2] = 1.6e9 + 1e6 * x[:, 2]
    return mlp(), "cross_entropy", (x, y)


@fault("ML016")
def a_recurrent_layer_of_zeros():
    layer = nn.RNN(3, 8, rng=0)
    for name, array in layer.parameters().items():
        if "weight" in name:
            array[...] = mp.full(array.shape, 0.1)
    x = np.random.default_rng(0).standard_normal((6, 5, 3)).astype(np.float32)
    net = nn.Sequential(layer, nn.FinalOutput(), nn.Linear(8, 1, weight_init="ones"))
    return net, "mse", (x, x[:, -1, :1])


@fault("ML019")
def descent_on_raw_numbers():
    x, y = numbers()
    net = nn.Linear(5, 1, rng=0)
    return net, "mse", (x * 20 + 5, y), {"optimizer": optim.SGD(0.05, momentum=0.9)}


# ── ML017 and ML018 ──────────────────────────────────────────────────────────────────────────────


@fault("ML017")
def dropout_alone_between_two_layers():
    net = nn.Sequential(nn.Linear(5, 16, rng=0), nn.Dropout(0.2, rng=1), nn.Linear(16, 3, rng=2))
    return net, "cross_entropy", table()


@fault("ML017")
def a_convolution_that_is_flattened():
    net = nn.Sequential(nn.Conv2d(2, 8, 3, rng=0), nn.Flatten(), nn.Linear(128, 4, rng=1))
    return net, "cross_entropy", images()


@fault("ML017")
def a_convolution_that_is_averaged():
    net = nn.Sequential(nn.Conv2d(2, 8, 3, rng=0), nn.GlobalAvgPool(), nn.Linear(8, 4, rng=1))
    return net, "cross_entropy", images()


@fault("ML018")
def a_bias_before_a_normalization_of_columns_by_hand():
    def forward(net, x):
        z = x @ net.w + net.b
        z = (z - z.mean(axis=0, keepdims=True)) / (z.std(axis=0, keepdims=True) + 1e-3)
        return net.head(mp.tanh(z))

    w = mp.Parameter(np.random.default_rng(0).standard_normal((5, 8)).astype(np.float32))
    return Of(forward, w=w, b=mp.Parameter(mp.zeros((8,))), head=nn.Linear(8, 3, rng=1)), "cross_entropy", table()
