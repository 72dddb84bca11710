"""A whole training script: its first update is checked against the gradient of its loss.

The file runs, recorded (`running`), with words put in that note what looks like a loss and where a turn of a loop
begins (`instrument`, `witness`). A training turn is one that changes what a loss was computed from. Which loss that is
(`losses`), of which gradient an update is made (`updates`) and what of it is the learning rate (`rates`) is then read
off the recorded calls, whatever words the script uses.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.bilingual import require_language
from maplet.health.audit.drawing import confirming, if_it_runs, little
from maplet.health.audit.edits.bench import Bench
from maplet.health.audit.fresh import nudged
from maplet.health.audit.judging import judged
from maplet.health.audit.preparing import require_finite, require_settings
from maplet.health.audit.program.user_errors import of_user
from maplet.health.audit.scripts.running import witnessed
from maplet.health.audit.scripts.trial import Trial
from maplet.health.audit.verdict import Report, Verdict
from maplet.health.audit.words import sentence

if TYPE_CHECKING:
    from collections.abc import Callable


def audit_script(path: str | Path, *, tolerance: float = 1e-5, seed: int = 0, language: str = "en") -> Report:
    """Check the first update of a training script against the gradient of its loss.

    An update is right if it is Δθ = −c·∂L/∂θ with one c > 0 for all parameters, or what an optimizer makes of such a
    gradient (momentum, moments, clipping, decay). What stands before the gradient in the line of the update is the
    learning rate; each parameter may have its own where it has a name.

    Parameters
    ----------
    path
        The file; it is run until a turn of its training loop has changed the parameters.
    tolerance, seed, language
        As for `audit`.

    Raises
    ------
    GradientError
        If no loss or no update was found in the file, if they cannot be compared, or the file raises an error.
    """
    require_language(language)
    tolerance, seed = require_settings(tolerance, seed)
    turn = of_user(lambda: witnessed(Path(path)))
    trial = Trial(turn)
    first = trial.run()
    require_finite(first, first)
    rng = np.random.default_rng(seed)
    here = Bench(first, tolerance)

    def bench(move: Callable[..., dict[str, Any]]) -> Bench:
        return Bench(trial.run(rng, move), tolerance)

    others = [*confirming(here, bench, lambda move: move, smaller=little), if_it_runs(lambda: bench(nudged)) or here]
    if trial.tape.lost:  # what has left NumPy does not follow other inputs: what is right here need not be right there
        others = [each if here.right_as_given <= each.right_as_given else here for each in others]
    confirmed = [each for each in others[:-1] if each is not here]
    report = judged([here, *confirmed], others[-1], first, language)
    before, after = trial.losses()
    remarks = [sentence(language, "step", {"before": f"{before:.6g}", "after": f"{after:.6g}"})]
    remarks += [sentence(language, key, detail) for key, detail in trial.remarks]
    unjudged = tuple(
        Verdict(name, "not judged", 0.0, remark=sentence(language, why)) for name, why in trial.unjudged.items()
    )
    return replace(report, verdicts=(*report.verdicts, *unjudged), remarks=(*report.remarks, *remarks))
