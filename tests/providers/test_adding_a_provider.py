"""The page that walks through a provider shows the code as it is."""

import re
from pathlib import Path

import pytest

from tollgate.providers.registry import PROVIDERS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "adding-a-provider.md").read_text()
LAYER = ROOT / "layers" / "tollgate" / "tollgate"
SOURCES = (
    LAYER / "providers" / "telnyx.py",
    LAYER / "domain" / "billing_moments.py",
    ROOT / "tests" / "providers" / "samples.py",
)
SHOWN = [
    line.strip()
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    for line in block.splitlines()
    if line.strip(" .")
]


def test_the_page_shows_code() -> None:
    """Or the next test would have nothing to look at."""
    assert len(SHOWN) > 25


@pytest.mark.parametrize("line", SHOWN)
def test_a_line_that_the_page_shows_is_in_the_code(line: str) -> None:
    """Whoever copies from the page copies what works."""
    assert any(line in source.read_text() for source in SOURCES)


def test_every_file_that_the_page_names_is_there() -> None:
    """Paths in it lead somewhere."""
    named = set(re.findall(r"`((?:events|layers|tests|local|docs)/[\w./-]+)`", PAGE))
    assert len(named) > 5
    assert not [path for path in named if not (ROOT / path).exists()]
    events = set(re.findall(r"`(message_\w+\.json)`", PAGE))
    assert events
    assert not [name for name in events if not (ROOT / "events" / "telnyx" / name).exists()]


def test_the_route_of_a_provider_is_its_name() -> None:
    """Every address that the page gives is of a provider that is registered."""
    addresses = set(re.findall(r"/webhooks/([a-z]+)", PAGE))
    assert addresses
    assert addresses <= set(PROVIDERS)
