"""The room transforms."""
