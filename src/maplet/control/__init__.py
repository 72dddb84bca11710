"""Programs inside programs: loops, branches, calls, and derivatives of one's own."""
