"""The user's program: called with the arrays that it needs, and written down while it runs."""
