"""What the doctor says of a run that is under way: each thing once, and not before it has held for three epochs."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from maplet.bilingual import Bilingual
from maplet.health.doctor import doctor

if TYPE_CHECKING:
    from collections.abc import Iterable

    from maplet.health.doctor import Diagnosis
    from maplet.train.run import Run

logger = logging.getLogger("maplet")

patient = 3  # epochs, for which something has to be found without a break before it is said


class Diagnosing:
    """The diagnoses of a run, as they come; what was said stands in ``run.diagnoses``.

    Parameters
    ----------
    run
        That is trained.
    language
        In which they are said.
    """

    def __init__(self, run: Run, language: str = "en") -> None:
        self.run = run
        self.language = language
        self.held: dict[tuple[str, str], int] = {}  # by rule and layer, for how many epochs in a row

    def after_epoch(self) -> None:
        """Look, and say what was seen often enough, if a close look sees it too.

        That look takes seconds, and so is taken once, when something has held for long enough: it knows causes that a
        glance at the losses does not, and what it names otherwise is not said.
        """
        found = {(diagnosis.code, diagnosis.layer): diagnosis for diagnosis in doctor(self.run, closely=False)}
        self.held = {what: self.held.get(what, 0) + 1 for what in found}
        told = {(known.code, known.layer) for known in self.run.diagnoses}
        due = {what for what, epochs in self.held.items() if epochs == patient} - told
        if due:
            self._say(seen for seen in doctor(self.run) if (seen.code, seen.layer) in due)

    def at_the_end(self) -> None:
        """Look closely, and say all that was not said yet."""
        self._say(doctor(self.run))

    def _say(self, found: Iterable[Diagnosis]) -> None:
        told = {(known.code, known.layer) for known in self.run.diagnoses}
        for diagnosis in found:
            if (diagnosis.code, diagnosis.layer) not in told:
                self.run.diagnoses.append(diagnosis)
                epoch = Bilingual(f"epoch {self.run.epoch}: ", f"第 {self.run.epoch} 轮：").speak(self.language)
                logger.warning("%s%s", epoch, diagnosis.text(self.language))
