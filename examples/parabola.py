"""Minimising x² − 2x + 1 from several starts, with several learning rates, one of them too large.

The article starts its descent at x = 1, which is the minimum itself: nothing moves, and nothing is shown. From anywhere
else a step takes x − 1 to (1 − 2α)(x − 1). So it arrives if |1 − 2α| < 1, that is for 0 < α < 1: smoothly below ½, at
once at ½, swinging from side to side above; and beyond 1 each step leads further away.
"""

import maplet as mp
from maplet import optim

STARTS, LEARNING_RATES = (-3.0, 1.0, 10.0), (0.1, 0.5, 0.9, 1.1)


def parabola(x):
    """(x − 1)², multiplied out."""
    return x**2 - 2 * x + 1


def main():
    """Minimise; → {(start, learning rate): what came out}."""
    found = {}
    for learning_rate in LEARNING_RATES:
        print(f"α = {learning_rate}: each step multiplies the distance by {1 - 2 * learning_rate:+.1f}")
        for start in STARTS:
            result = mp.minimize(parabola, start, optimizer=optim.SGD(learning_rate), tolerance=1e-5)
            found[start, learning_rate] = result
            print(f"  from {start:4}: {result.message}")
    return found


if __name__ == "__main__":
    main()
