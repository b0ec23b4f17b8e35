"""Files of records from a terminal: asked for once, under a name, and how they stand."""

import json
from collections.abc import Callable

import pytest
from click.testing import Result

from tests.cloud import Cloud

type Run = Callable[..., Result]
DAYS = ("--from", "2026-03-01", "--to", "2026-03-10")


def test_a_file_is_asked_for_once_and_listed(cloud: Cloud, run: Run) -> None:
    """By somebody; what makes it follows from its row."""
    cloud.sign_on()
    asked = json.loads(run("export", "acme", *DAYS, "--by", "ada", "--json").output)
    assert (asked["number"], asked["state"], asked["first"], asked["by"]) == (1, "requested", "2026-03-01", "ada")
    assert json.loads(run("export", "acme", *DAYS, "--by", "bob", "--json").output) == asked
    assert json.loads(run("exports", "acme", "--json").output) == [asked]
    table = run("exports", "acme").output
    assert "requested" in table
    assert cloud.runtime().exports.export("acme", 1).by == "ada"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("export", "nobody", *DAYS), "tenant 'nobody' does not exist"),
        (("exports", "nobody"), "does not exist"),
        (("export", "acme", "--from", "2026-03-01", "--to", "2026-03-11"), "last: expected a day from the first one"),
        (("export", "acme", "--from", "soon", "--to", "2026-03-11"), "--from"),
    ],
)
def test_what_cannot_be_asked_for_is_refused(cloud: Cloud, run: Run, words: tuple[str, ...], said: str) -> None:
    """In one clear message; nothing is written."""
    cloud.sign_on()
    result = run(*words)
    assert (result.exit_code, said in result.output) == (1, True)
    assert cloud.runtime().exports.latest("acme", most=9) == []
