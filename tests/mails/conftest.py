"""The switch that writes the golden mails anew: ``pytest tests/mails --golden``; read the difference before keeping it.

It is known only when this folder is named: a run of the whole suite holds the mails against their files.
"""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--golden", action="store_true", help="write the golden mails as they are rendered now")


@pytest.fixture
def writes_golden(request: pytest.FixtureRequest) -> bool:
    """Whether this run writes the golden files instead of holding mails against them."""
    return bool(request.config.getoption("golden", default=False))
