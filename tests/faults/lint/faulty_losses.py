"""Programs whose end and loss do not fit: ML002, ML003, ML004, ML008, ML011, ML012, ML013, ML014, ML020."""

import numpy as np
from lint_programs import Of, fault, images, mlp, numbers, table

import maplet as mp
from maplet import nn


def with_end(*layers, classes=3, columns=5):
    rng = mp.random.Generator(1)
    return nn.Sequential(nn.Linear(columns, 16, rng=rng), nn.Tanh(), nn.Linear(16, classes, rng=rng), *layers)


# ── ML002: an infinite derivative within reach ───────────────────────────────────────────────────


@fault("ML002")
def logarithm_of_a_softmax():
    return with_end(nn.Softmax()), lambda p, y: -mp.mean(mp.take_along_axis(mp.log(p), y[:, None], axis=1)), table()


@fault("ML002")
def binary_cross_entropy_by_hand():
    x, y = numbers()
    return (
        with_end(nn.Sigmoid(), classes=1),
        lambda p, y: -mp.mean(y * mp.log(p) + (1 - y) * mp.log(1 - p)),
        (x, (y > 0).astype(np.float32)),
    )


@fault("ML002")
def root_of_a_sum_of_squares():
    def penalised(net, x, y):
        hidden = net.layers[1](net.layers[0](x))
        return nn.mse(net(x), y) + 0.01 * mp.mean(mp.sqrt(mp.sum(hidden**2, axis=1)))

    return penalised, (mlp(classes=1), *numbers())


@fault("ML002")
def divided_by_a_sum_of_relus():
    def forward(net, x):
        hidden = mp.relu(net.inner(x))
        return net.outer(hidden / mp.sum(hidden, axis=1, keepdims=True))

    net = Of(forward, inner=nn.Linear(5, 8, rng=0), outer=nn.Linear(8, 3, rng=1))
    return net, "cross_entropy", table()


@fault("ML002")
def a_root_as_the_activation():
    def forward(net, x):
        return net.outer(mp.sqrt(mp.relu(net.inner(x))))

    return Of(forward, inner=nn.Linear(5, 8, rng=0), outer=nn.Linear(8, 1, rng=1)), "mse", numbers()


@fault("ML002")
def an_angle_of_what_is_clipped():
    def loss(p, y):
        return mp.mean(mp.acos(mp.clip(p * y, -1.0, 1.0)))

    return with_end(classes=1), loss, numbers()


@fault("ML002")
def a_length_of_parameters_that_are_zero():
    def loss(net, x, y):
        return nn.mse(net(x), y) + 0.1 * mp.sqrt(mp.sum(net.layers[0].bias ** 2))

    return loss, (mlp(classes=1), *numbers())


# ── ML003: a softmax or sigmoid twice ────────────────────────────────────────────────────────────


@fault("ML003")
def softmax_before_cross_entropy():
    return with_end(nn.Softmax()), nn.cross_entropy, table()


@fault("ML003")
def sigmoid_before_binary_cross_entropy():
    x, y = numbers()
    return with_end(nn.Sigmoid(), classes=1), "binary_cross_entropy", (x, (y > 0).astype(np.float32))


@fault("ML003")
def softmax_by_hand_before_cross_entropy():
    def forward(net, x):
        z = net.body(x)
        return mp.exp(z) / mp.sum(mp.exp(z), axis=-1, keepdims=True)

    return Of(forward, body=mlp()), nn.cross_entropy, table()


@fault("ML003")
def softmax_of_a_softmax():
    loss = lambda p, y: mp.mean((mp.softmax(p) - mp.one_hot(y, 3)) ** 2)
    return with_end(nn.Softmax()), loss, table()


@fault("ML003")
def sigmoid_before_cross_entropy():
    return with_end(nn.Sigmoid()), nn.cross_entropy, table()


@fault("ML003")
def softmax_with_a_temperature_before_cross_entropy():
    return with_end(nn.Softmax()), lambda p, y: nn.cross_entropy(p / 0.5, y), table()


# ── ML020: logits that are cut off ───────────────────────────────────────────────────────────────


@fault("ML020")
def a_relu_before_cross_entropy():
    return with_end(nn.ReLU()), "cross_entropy", table()


@fault("ML020")
def a_relu_before_binary_cross_entropy():
    x, y = numbers()
    return with_end(nn.ReLU(), classes=1), "binary_cross_entropy", (x, (y > 0).astype(np.float32))


@fault("ML020")
def a_relu_and_a_loss_by_hand():
    def loss(p, y):
        return -mp.mean(mp.take_along_axis(mp.log_softmax(p), y[:, None], axis=1))

    return with_end(nn.ReLU()), loss, table()


@fault("ML020")
def a_relu_by_hand_at_the_end():
    return Of(lambda net, x: mp.maximum(net.body(x), 0), body=mlp()), "cross_entropy", table()


@fault("ML003")
def in_a_loop_of_ones_own():
    x, y = table()
    return lambda net: nn.cross_entropy(mp.softmax(net(x)), y), (mlp(),)


# ── ML004: a column against a row ────────────────────────────────────────────────────────────────


@fault("ML004")
def squares_by_hand():
    x, y = numbers()
    return mlp(classes=1), lambda p, y: mp.mean((p - y) ** 2), (x, y[:, 0])


@fault("ML004")
def absolute_values_by_hand():
    x, y = numbers()
    return mlp(classes=1), lambda p, y: mp.mean(mp.abs(y - p)), (x, y[:, 0])


@fault("ML004")
def a_row_against_a_column():
    x, y = numbers()
    net = Of(lambda net, x: mp.squeeze(net.body(x), axis=-1), body=mlp(classes=1))
    return net, lambda p, y: mp.mean((p - y) ** 2), (x, y)


@fault("ML004")
def logistic_regression_by_hand():
    x, y = numbers()
    loss = lambda p, y: mp.mean(mp.softplus(p) - p * y)
    return mlp(classes=1), loss, (x, (y[:, 0] > 0).astype(np.float32))


@fault("ML004")
def a_function_of_arrays():
    x, y = numbers()
    return lambda theta, x, y: mp.mean((x @ theta["w"] - y) ** 2), ({"w": mp.zeros((5, 1))}, x, y[:, 0])


# ── ML008: an output that is constant ────────────────────────────────────────────────────────────


@fault("ML008")
def softmax_of_one_number():
    return with_end(nn.Softmax(), classes=1), "mse", numbers()


@fault("ML008")
def the_input_is_not_used():
    net = Of(lambda net, _: mp.broadcast_to(net.bias, (40, 1)), bias=mp.Parameter(mp.zeros((1,))))
    return net, "mse", numbers()


@fault("ML008")
def softmax_by_hand_along_the_wrong_axis():
    def forward(net, x):
        z = net.body(x)[:, None]
        return mp.squeeze(mp.softmax(z, axis=1), axis=1)

    return Of(forward, body=mlp()), lambda p, y: mp.mean((p - mp.one_hot(y, 3)) ** 2), table()


@fault("ML008")
def relus_that_are_off():
    net = mlp(classes=1)
    net.layers[0].bias = mp.Parameter(mp.full((16,), -50.0))
    return net, "mse", numbers()


# ── ML011: dropout after the output layer ────────────────────────────────────────────────────────


@fault("ML011")
def dropout_at_the_very_end():
    return with_end(nn.Dropout(0.5, rng=0)), nn.cross_entropy, table()


@fault("ML011")
def dropout_between_output_and_sigmoid():
    return with_end(nn.Dropout(0.2, rng=0), nn.Sigmoid(), classes=1), "mse", numbers()


@fault("ML011")
def dropout_by_hand():
    def forward(net, x):
        out = net.body(x)
        return out * net.rng.bernoulli(0.5, out.shape) / 0.5

    return Of(forward, body=mlp(), rng=mp.random.Generator(3)), nn.cross_entropy, table()


@fault("ML011")
def channels_of_an_output_dropped():
    net = nn.Sequential(nn.Flatten(), nn.Linear(72, 16, rng=0), nn.ReLU(), nn.Linear(16, 4, rng=1))
    return nn.Sequential(net, nn.AlphaDropout(0.1, rng=2)), nn.cross_entropy, images()


# ── ML012: targets out of reach ──────────────────────────────────────────────────────────────────


@fault("ML012")
def two_and_three_after_a_sigmoid():
    x = np.array([[1, 2], [3, 4], [5, 6]], np.float32)
    net = nn.Sequential(nn.Linear(2, 3, rng=1), nn.Sigmoid(), nn.Linear(3, 1, rng=2), nn.Sigmoid())
    return net, nn.mse, (x, np.array([[1], [2], [3]], np.float32))


@fault("ML012")
def negative_targets_after_a_relu():
    return with_end(nn.ReLU(), classes=1), nn.mse, numbers()


@fault("ML012")
def large_targets_after_a_tanh():
    x, y = numbers()
    return with_end(nn.Tanh(), classes=1), "huber", (x, 10 * y)


@fault("ML012")
def a_softplus_by_hand_and_negative_targets():
    net = Of(lambda net, x: mp.log1p(mp.exp(net.body(x))), body=mlp(classes=1))
    return net, lambda p, y: mp.mean(mp.abs(y - p)), numbers()


@fault("ML012")
def pixels_up_to_255_after_a_scaled_sigmoid():
    x, y = numbers()
    net = Of(lambda net, x: 2 * mp.sigmoid(net.body(x)) - 1, body=mlp(classes=1))
    return net, "mse", (x, 255 * np.abs(y))


# ── ML013 and ML014: the last layer and the classes ──────────────────────────────────────────────


@fault("ML013")
def too_few_outputs():
    return mlp(classes=3), nn.cross_entropy, (table()[0], np.arange(40) * 7 % 5)


@fault("ML013")
def many_outputs_too_many():
    return mlp(classes=10), nn.cross_entropy, table(rows=400)


@fault("ML013")
def classes_below_zero():
    x, y = table(classes=3)
    return mlp(classes=3), nn.cross_entropy, (x, y - 1)


@fault("ML013")
def one_output_too_few():
    return mlp(classes=2), "cross_entropy", table(classes=3)


@fault("ML013")
def outputs_of_another_data_set():
    net = nn.Sequential(nn.Flatten(), nn.Linear(72, 16, rng=0), nn.ReLU(), nn.Linear(16, 6, rng=1))
    return net, nn.cross_entropy, images(rows=200)


@fault("ML014")
def classes_from_one_to_three():
    x, y = table()
    return mlp(classes=3), nn.cross_entropy, (x, y + 1)


@fault("ML014")
def classes_from_one_and_an_output_more():
    x, y = table(rows=200)
    return mlp(classes=4), nn.cross_entropy, (x, y + 1)


@fault("ML014")
def classes_from_one_with_a_loss_by_hand():
    x, y = table()
    loss = lambda z, y: -mp.mean(mp.sum(mp.one_hot(y, 3) * mp.log_softmax(z), axis=-1))
    return mlp(classes=3), loss, (x, (y + 1).astype(np.int32))


@fault("ML014")
def classes_of_images_from_one():
    x, _ = images()
    net = nn.Sequential(nn.Flatten(), nn.Linear(72, 16, rng=0), nn.ReLU(), nn.Linear(16, 4, rng=1))
    return net, "cross_entropy", (x, np.arange(12) % 4 + 1)
