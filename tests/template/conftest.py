"""Fixtures of the template's tests: the installations that samconfig.toml describes."""

import pytest

from tests.template.stack import ENVIRONMENTS, Stack, installation


@pytest.fixture(params=ENVIRONMENTS)
def stack(request: pytest.FixtureRequest) -> Stack:
    """Each installation in turn."""
    return installation(request.param)


@pytest.fixture
def local() -> Stack:
    return installation("local")


@pytest.fixture(params=[name for name in ENVIRONMENTS if name != "local"])
def cloud(request: pytest.FixtureRequest) -> Stack:
    """Each installation that runs on AWS."""
    return installation(request.param)
