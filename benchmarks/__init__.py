"""How fast maplet is, beside its peers and beside what the machine could do: ``python -m benchmarks``.

One page of reading order: `workloads` (what is computed), `reference` (its value, in float64), `contestants` (who
computes it), `worker` and `measure` (how the time is taken), `limit` (what the machine could do), `report`.
"""
