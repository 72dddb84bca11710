"""The glass: what a program is, in formulas, numbers and words."""
