"""The rules of the doctor, one file per subject; importing this room enters them into the registry."""

from maplet.health.doctor.rules import data, decay, gradients, infinite, learning, loss, moves, order, steps, units

__all__ = ["data", "decay", "gradients", "infinite", "learning", "loss", "moves", "order", "steps", "units"]
