"""Fixtures of the whole suite, and the marks that follow from what a test uses.

``make test ARGS="-m 'not browser and not pipeline and not localaws'"`` runs what needs no other program.
"""

import pytest
from hypothesis import settings

from tests.deployed import aws, place, stack
from tests.localaws import local_aws

__all__ = ["aws", "local_aws", "place", "stack"]

# A slow machine is no failure of a law; the number of examples stays Hypothesis' own.
settings.register_profile("tollgate", deadline=None, print_blob=True)
settings.load_profile("tollgate")

MARK_OF_FIXTURE = {"local_aws": "localaws", "stack": "pipeline", "chromium": "browser"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test by the programs that its fixtures start."""
    for item in items:
        for fixture in MARK_OF_FIXTURE.keys() & set(getattr(item, "fixturenames", ())):
            item.add_marker(MARK_OF_FIXTURE[fixture])
