"""What the suite of planted faults measured, as ``python tests/faults/training/runner.py`` prints it."""

figures = """
"""
