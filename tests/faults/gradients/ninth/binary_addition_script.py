"""A recurrent net that learns to add two binary numbers, sigmoid everywhere, bit after bit; updates are added."""

import copy

import numpy as np

np.random.seed(0)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def sigmoid_output_to_derivative(output):
    return output * (1 - output)


binary_dim = 4
int2binary = {i: np.array([int(c) for c in format(i, "04b")]) for i in range(2**binary_dim)}

alpha = 0.1
input_dim, hidden_dim, output_dim = 2, 5, 1

synapse_0 = 2 * np.random.random((input_dim, hidden_dim)) - 1
synapse_1 = 2 * np.random.random((hidden_dim, output_dim)) - 1
synapse_h = 2 * np.random.random((hidden_dim, hidden_dim)) - 1

for j in range(40):
    a_int, b_int = np.random.randint(8), np.random.randint(8)
    a, b, c = int2binary[a_int], int2binary[b_int], int2binary[a_int + b_int]
    d = np.zeros_like(c)

    overallError = 0
    layer_2_deltas = []
    layer_1_values = [np.zeros((1, hidden_dim))]
    synapse_0_update = np.zeros_like(synapse_0)
    synapse_1_update = np.zeros_like(synapse_1)
    synapse_h_update = np.zeros_like(synapse_h)

    # moving along the positions in the binary encoding
    for position in range(binary_dim):
        X = np.array([[a[binary_dim - position - 1], b[binary_dim - position - 1]]])
        y = np.array([[c[binary_dim - position - 1]]])

        layer_1 = sigmoid(np.dot(X, synapse_0) + np.dot(layer_1_values[-1], synapse_h))
        layer_2 = sigmoid(np.dot(layer_1, synapse_1))

        layer_2_error = y - layer_2
        layer_2_deltas.append(layer_2_error * sigmoid_output_to_derivative(layer_2))
        overallError += 0.5 * np.sum(layer_2_error**2)
        d[binary_dim - position - 1] = np.round(layer_2[0][0])
        layer_1_values.append(copy.deepcopy(layer_1))

    future_layer_1_delta = np.zeros((1, hidden_dim))
    for position in range(binary_dim):
        X = np.array([[a[position], b[position]]])
        layer_1 = layer_1_values[-position - 1]
        prev_layer_1 = layer_1_values[-position - 2]

        layer_2_delta = layer_2_deltas[-position - 1]
        layer_1_error = future_layer_1_delta.dot(synapse_h.T) + layer_2_delta.dot(synapse_1.T)
        layer_1_delta = layer_1_error * sigmoid_output_to_derivative(layer_1)

        synapse_1_update += layer_1.T.dot(layer_2_delta)
        synapse_h_update += prev_layer_1.T.dot(layer_1_delta)
        synapse_0_update += X.T.dot(layer_1_delta)
        future_layer_1_delta = layer_1_delta

    synapse_0 += synapse_0_update * alpha
    synapse_1 += synapse_1_update * alpha
    synapse_h += synapse_h_update * alpha
    if j % 10 == 0:
        print(f"Error: {overallError}  {a_int} + {b_int}: pred {d}, true {c}")

FAULTS = (
    [("future_layer_1_delta.dot(synapse_h.T) +", "future_layer_1_delta.dot(synapse_h) +", "transpose")],
    [
        (
            "synapse_h_update += prev_layer_1.T.dot(layer_1_delta)",
            "synapse_h_update += layer_1.T.dot(layer_1_delta)",
            "wrong value",
        )
    ],
    [
        (
            "layer_1_delta = layer_1_error * sigmoid_output_to_derivative(layer_1)",
            "layer_1_delta = layer_1_error",
            "missing derivative",
        ),
        ("synapse_1 += synapse_1_update * alpha", "synapse_1 -= synapse_1_update * alpha", "climbs"),
    ],
)
