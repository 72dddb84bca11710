"""Graph → graph, or numbers: evaluation, and derivatives of every kind."""
