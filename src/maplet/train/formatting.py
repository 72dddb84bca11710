"""Numbers and times as a person reads them."""

import math


def short_number(value: float) -> str:
    """A number in four significant digits, never fewer than its integer part has up to seven.

    Examples
    --------
    >>> [short_number(value) for value in (0.15, 12.3456, 48012.7, 0.00001234, float("nan"), 3)]
    ['0.1500', '12.35', '48,013', '1.234e-05', 'nan', '3']
    """
    if isinstance(value, int) and abs(value) < 10**7:
        return f"{value:,}"
    value = float(value)
    if math.isfinite(value) and 999.95 <= abs(value) < 9_999_999.5:
        return f"{value:,.0f}"
    return f"{value:#.4g}"


def duration(seconds: float) -> str:
    """A time in the units that suit its length.

    Examples
    --------
    >>> [duration(seconds) for seconds in (0.0042, 1.23, 59.96, 754, 7380)]
    ['4 ms', '1.2 s', '1 min 00 s', '12 min 34 s', '2 h 03 min']
    """
    if not math.isfinite(seconds):
        return "–"
    if seconds < 0.0995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes:02d} min"
