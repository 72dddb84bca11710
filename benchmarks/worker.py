"""The process of one contestant: it prepares a workload, then waits, and runs a burst whenever it is asked to.

    python -m benchmarks.worker MODULE VARIANT THREADS

reads a request per line from its input and writes an answer per line, both in JSON:

========================================================  ==========================================================
``{"do": "prepare", "workload": "mlp", "quick": false}``   ``{"seconds": …, "grain": …}``: ready, everything compiled
``{"do": "rehearse", "units": 10, "path": "….npz"}``       ``{}``: what it got lies at the path
``{"do": "burst", "seconds": 0.1}``                        ``{"units": …, "seconds": …}``: so many took so long
``{"do": "memory"}``                                       ``{"bytes": …}``: the most that the process ever held
any                                                       ``{"absent": "why"}`` or ``{"failed": "traceback"}``
========================================================  ==========================================================

It ends with its input. What a framework prints goes to the error stream.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
import traceback
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from benchmarks.contestants.runner import Absent
from benchmarks.machine import cores, pin
from benchmarks.workloads import every

if TYPE_CHECKING:
    from benchmarks.contestants.runner import Runner


class Worker:
    """What is kept between requests."""

    def __init__(self, module: str, variant: str, threads: int) -> None:
        self.module, self.variant, self.threads = module, variant, threads
        self.runner: Runner
        self.units, self.settled = 0, False  # how many in a burst, and whether those are enough

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Do what is asked; what goes wrong is an answer too."""
        try:
            arguments = {name: given for name, given in request.items() if name != "do"}
            tasks = {"prepare": self.prepare, "rehearse": self.rehearse, "burst": self.burst, "memory": self.memory}
            return tasks[request["do"]](**arguments)
        except (Absent, ModuleNotFoundError) as error:
            return {"absent": str(error)}
        except Exception:  # noqa: BLE001  (whatever a framework raises is shown, and the others go on)
            return {"failed": traceback.format_exc()}

    def prepare(self, *, workload: str, quick: bool) -> dict[str, Any]:
        """Import the framework, hand it the arrays, run once, so that everything is compiled."""
        began = time.perf_counter()
        prepare = import_module(self.module).prepare
        self.runner = prepare(every(quick=quick)[workload], self.threads, self.variant)
        self.runner.reset()
        self.runner.run(self.runner.grain)
        self.units = self.runner.grain
        return {"seconds": time.perf_counter() - began, "grain": self.runner.grain}

    def rehearse(self, *, units: int, path: str) -> dict[str, Any]:
        """Run from the start, and write the result to a file."""
        import numpy as np  # noqa: PLC0415  (it starts threads, so the cores must be chosen first)

        self.runner.rehearse(units)
        np.savez(path, allow_pickle=False, **self.runner.result())
        return {}

    def burst(self, *, seconds: float) -> dict[str, Any]:
        """Time as many units as take at least so long; the first burst finds out how many those are.

        Untimed before it: the way back to the start, and a shorter run that wakes threads and fills caches.
        """
        while True:
            self.runner.reset()
            self.runner.run(self.runner.grain)
            gc.collect()
            gc.disable()
            try:
                began = time.perf_counter()
                self.runner.run(self.units)
                took = time.perf_counter() - began
            finally:
                gc.enable()
            if took >= seconds or self.settled:
                self.settled = True
                return {"units": self.units, "seconds": took}
            self.units *= 2

    def memory(self) -> dict[str, Any]:
        """The most memory that this process ever held, the framework itself included; nothing where nobody says it.

        Not by `resource.getrusage`, which takes over the peak of the process that started this one.
        """
        try:
            status = Path("/proc/self/status").read_text(encoding="utf-8")
        except OSError:
            return {}
        (peak,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))
        return {"bytes": 1024 * int(peak)}


def serve(worker: Worker, requests: TextIO, answers: TextIO) -> None:
    """Answer until there are no more requests."""
    for line in requests:
        answers.write(json.dumps(worker.answer(json.loads(line))) + "\n")
        answers.flush()


def main(module: str, variant: str, threads: str) -> None:
    """Choose the cores, and take the output stream for the answers alone."""
    pin(cores()[: int(threads)])
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    serve(Worker(module, variant, int(threads)), sys.stdin, answers)


if __name__ == "__main__":
    main(*sys.argv[1:])
