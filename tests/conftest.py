"""What every test shares."""

import pytest

from maplet.core import check


@pytest.fixture(autouse=True, scope="session")
def _check_every_graph():
    """Every trace and every transform checks the graph that it made."""
    check.checking = True
    yield
    check.checking = False
