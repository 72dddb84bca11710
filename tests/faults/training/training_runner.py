"""What the doctor says of runs with a planted fault, and of healthy ones, by rule: ``python training_runner.py [GROUP …]``.

Prints, for each group, a table in Markdown with the precision and recall of each rule, and below it what was said that
was not planted, and what was planted and not said.
"""

import importlib
import sys
from collections import Counter
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from training_runs import groups, said  # noqa: E402  (it is found through the line above)

for file in sorted(HERE.glob("runs_*.py")):
    importlib.import_module(file.stem)  # importing enters the runs


class Figures:
    """Hits, false alarms and misses of a group by code.

    A hit is one of the planted codes that is said. A miss is counted for the first of the planted codes, if none of them
    is said. Every other code that is said is a false alarm. Runs whose names end in ``without`` are left out.
    """

    def __init__(self, group, without=""):
        self.group, self.runs = group, len(groups[group])
        self.hits, self.alarms, self.misses, self.planted = Counter(), Counter(), Counter(), Counter()
        self.wrong, self.of_healthy = [], 0
        for make, codes in groups[group]:
            if make.__name__.endswith(tuple(without.split())):
                continue
            found = list(dict.fromkeys(said(make)))
            hit = [code for code in codes if code in found]
            self.planted.update(codes[:1])
            self.hits.update(hit)
            self.misses.update(codes[:1] if codes and not hit else [])
            self.alarms.update(code for code in found if code not in codes)
            self.of_healthy += bool(found and not codes)
            if bool(codes) != bool(hit) or set(found) - set(codes):
                self.wrong.append(f"{make.__name__}: said {found}, planted {list(codes)}")

    def of(self, *codes):
        """Precision and recall of some codes together."""
        hits, alarms, misses = (sum(count[code] for code in codes) for count in (self.hits, self.alarms, self.misses))
        return hits / max(hits + alarms, 1), hits / max(hits + misses, 1)

    def whole(self):
        """Precision and recall of all codes together."""
        return self.of(*{*self.hits, *self.alarms, *self.misses})

    def table(self):
        """One line per rule, as Markdown."""
        rows = [(code, *self.of(code), self.planted[code]) for code in sorted({*self.planted, *self.alarms})]
        rows.append(("all", *self.whole(), sum(self.planted.values())))
        lines = [f"| {code} | {count} | {p:.2f} | {r:.2f} |" for code, p, r, count in rows]
        healthy = sum(not codes for _, codes in groups[self.group])
        return "\n".join([
            f"{self.runs} runs, {healthy} of them healthy; of these {self.of_healthy} were spoken of.", "",
            "| rule | runs | precision | recall |", "|---|--:|--:|--:|", *lines,
        ])  # fmt: skip


if __name__ == "__main__":
    for group in sys.argv[1:] or groups:
        figures = Figures(group)
        sys.stdout.write("\n".join(["", f"**{group}**", "", figures.table(), "", *figures.wrong, ""]))
