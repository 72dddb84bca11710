"""Programs that begin badly: ML001, ML015, ML016, ML019."""

import numpy as np
from lint_programs import Of, fault, images, mlp, numbers, table

import maplet as mp
from maplet import nn, optim

# ── ML001: a where hides an infinite derivative (more of them in test_where_gradients.py) ────────


@fault("ML001")
def a_root_that_is_used_twice():
    def loss(p, y):
        root = mp.sqrt(p)
        return mp.mean(mp.where(p > 0, root, 0.0) + mp.where(p > 1, root, 0.0) - y)

    return mlp(classes=1), loss, numbers()


@fault("ML001")
def a_logarithm_that_is_added_up():
    def forward(net, x):
        z = net.body(x)
        return mp.where(z > 0, mp.sum(mp.log(z), axis=1, keepdims=True), 0.0)

    return Of(forward, body=mlp(classes=1)), "mse", numbers()


@fault("ML001")
def a_length_that_is_divided_by():
    def loss(w, x):
        z = x @ w
        return mp.where(mp.any(z != 0), z / mp.sqrt(mp.sum(z**2)), 0.0)[0]

    return loss, (mp.ones((5,)), numbers()[0])


# ── ML015: inputs that are not scaled ────────────────────────────────────────────────────────────


@fault("ML015")
def pixels_up_to_255():
    x, y = images()
    net = nn.Sequential(nn.Flatten(), nn.Linear(72, 16, rng=0), nn.ReLU(), nn.Linear(16, 4, rng=1))
    return net, nn.cross_entropy, (np.abs(x) * 100, y)


@fault("ML015")
def a_column_in_euros():
    x, y = numbers()
    return mlp(classes=1), "mse", (x * np.array([1, 1, 1, 1, 4e4], np.float32), y)


@fault("ML015")
def years():
    x, y = table()
    return mlp(), nn.cross_entropy, (x * 10 + 1990, y)


@fault("ML015")
def columns_that_are_far_apart():
    x, y = table()
    return mlp(), nn.cross_entropy, (x * np.array([50, 1, 0.001, 1, 1], np.float32), y)


@fault("ML015")
def a_convolution_on_raw_pixels():
    x, y = images()
    net = nn.Sequential(nn.Conv2d(2, 4, 3, rng=0), nn.ReLU(), nn.Flatten(), nn.Linear(64, 4, rng=1))
    return net, nn.cross_entropy, (np.clip(128 + 60 * x, 0, 255), y)


# ── ML016: hidden units that can never differ ────────────────────────────────────────────────────


def begun(weight_init, activation):
    return nn.Sequential(nn.Linear(5, 8, weight_init=weight_init), activation, nn.Linear(8, 3, weight_init=weight_init))


@fault("ML016")
def all_zero_with_relu():
    return begun("zeros", nn.ReLU()), nn.cross_entropy, table()


@fault("ML016")
def all_zero_with_tanh():
    return begun("zeros", nn.Tanh()), nn.cross_entropy, table()


@fault("ML016")
def all_one_with_sigmoid():
    return begun("ones", nn.Sigmoid()), nn.cross_entropy, table()


@fault("ML016")
def one_number_everywhere_by_hand():
    w1, w2 = mp.Parameter(mp.full((5, 8), 0.1)), mp.Parameter(mp.full((8, 1), 0.1))
    return Of(lambda net, x: mp.tanh(x @ net.w1) @ net.w2, w1=w1, w2=w2), "mse", numbers()


@fault("ML016")
def one_column_repeated():
    column = np.random.default_rng(0).standard_normal((5, 1)).astype(np.float32)
    net = begun("zeros", nn.Tanh())
    net.layers[0].weight = mp.Parameter(np.repeat(column, 8, axis=1))
    net.layers[2].weight = mp.Parameter(mp.full((8, 3), 0.2) * mp.asarray([1.0, -1.0, 0.5]))
    return net, nn.cross_entropy, table()


@fault("ML016")
def a_narrow_net_made_wider_by_copies():
    rng = np.random.default_rng(0)
    net = begun("zeros", nn.Tanh())
    net.layers[0].weight = mp.Parameter(np.tile(rng.standard_normal((5, 2)).astype(np.float32), (1, 4)))
    net.layers[2].weight = mp.Parameter(np.tile(rng.standard_normal((2, 3)).astype(np.float32), (4, 1)))
    return net, nn.cross_entropy, table()


@fault("ML016")
def filters_of_a_convolution():
    net = nn.Sequential(
        nn.Conv2d(2, 4, 3, weight_init="ones"), nn.ReLU(), nn.Flatten(), nn.Linear(64, 4, weight_init="zeros")
    )
    return net, nn.cross_entropy, images()


# ── ML019: a learning rate beyond the stable range ───────────────────────────────────────────────


@fault("ML019")
def a_rate_of_a_thousand():
    return mlp(), nn.cross_entropy, table(), {"optimizer": optim.SGD(1000.0)}


@fault("ML019")
def a_line_with_a_rate_beyond_two_over_the_curvature():
    return nn.Linear(5, 1, rng=0), "mse", numbers(), {"optimizer": optim.SGD(5.0)}


@fault("ML019")
def large_inputs_with_a_usual_rate():
    x, y = numbers()
    return nn.Sequential(nn.Linear(5, 16, rng=0), nn.ReLU(), nn.Linear(16, 1, rng=1)), "mse", (x * 40, y), {
        "optimizer": optim.SGD(0.1)
    }  # fmt: skip


@fault("ML019")
def momentum_with_a_rate_that_is_too_large():
    return nn.Linear(5, 1, rng=0), nn.mse, numbers(), {"optimizer": optim.SGD(8.0, momentum=0.9)}
