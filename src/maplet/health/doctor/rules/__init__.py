"""The rules of the doctor, one file per subject; importing this room enters them into the registry."""

from maplet.health.doctor.rules import gradients, loss, units

__all__ = ["gradients", "loss", "units"]
