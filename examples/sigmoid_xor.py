"""A sigmoid network learns XOR; a single layer cannot, from wherever it starts.

The article that this follows trains a single layer on XOR, with the sign turned round, so that the loss climbs. With
the sign put right it still fails: for one layer z₀₀ + z₁₁ = z₀₁ + z₁₀ = w₁ + w₂ + 2b, but XOR wants the left side below
zero and the right side above. Its best is to answer ½ to everything, at the loss ln 2 ≈ 0.6931.
"""

import maplet as mp
from maplet import nn, optim

X, Y = mp.asarray([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]), mp.asarray([[0.0], [1.0], [1.0], [0.0]])


def train(net, most=200):
    """Descend; → the loss and how many of the four are right. The loss takes logits: the last sigmoid is in it."""
    optimizer = optim.SGD(0.5, momentum=0.9)
    for _ in range(most):
        loss, gradients = mp.value_and_grad(lambda net: nn.binary_cross_entropy(net(X), Y))(net)
        if float(loss) < 0.05:
            break
        optimizer.update(net, gradients)
    right = (mp.sigmoid(net(X)) > 0.5) == (Y > 0.5)
    return float(loss), int(mp.sum(right.astype(mp.int64)))


def main():
    """Train two layers once and one layer from five starts; → (loss, right) of each."""
    two = train(nn.Sequential(nn.Linear(2, 4, rng=0), nn.Sigmoid(), nn.Linear(4, 1, rng=1)))
    one = [train(nn.Linear(2, 1, weight_init="normal", rng=start)) for start in range(5)]
    print(f"two layers: loss {two[0]:.4f}, {two[1]} of 4 right")
    print("one layer: ", *[f"loss {loss:.4f}, {right} of 4 right;" for loss, right in one])
    return two, one


if __name__ == "__main__":
    main()
