"""Commands that read: their JSON is an interface, their tables fit a terminal."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import Result

from tests.cloud import DRAFTED_AT, Cloud
from tests.domain.examples import NOON, contract, small_contract, sms
from tollgate.stages import invoice as daily
from tollgate.stages.meter import Sourced, meter_facts

type Run = Callable[..., Result]
RULES = {"whatsapp": {"measure": "fees", "included": "0.10", "beyond": "bill"}}
READING = [
    ("contract", "show", "acme"),
    ("senders", "acme"),
    ("usage", "acme"),
    ("standing", "acme"),
    ("notices", "acme"),
    ("holds", "acme"),
    ("invoices",),
    ("invoice", "show", "acme", "2026-03-01"),
    ("quarantine", "list"),
]


@pytest.fixture
def busy(cloud: Cloud) -> Cloud:
    """A tenant with usage over both limits, drafts, notices, a hold, and a fact that nobody owns."""
    cloud.sign_on(small_contract())
    cloud.use(messages=6, texts=4)
    foreign = sms("TEXT_DELIVERED", "0.00581", message="sms-of-nobody")
    stray = Sourced("1", type(foreign)(**{f: getattr(foreign, f) for f in foreign.__slots__} | {"account": "nobody"}))
    meter_facts([stray], ports=cloud.runtime().meter_ports(), now=NOON)
    cloud.draft()
    return cloud


def said(result: Result) -> Any:
    """The JSON that a command printed, on one line."""
    assert result.exit_code == 0, result.output
    assert result.output.count("\n") == 1
    return json.loads(result.output)


@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_every_reading_command_takes_json_and_prints_a_page_within_100_columns(
    busy: Cloud, run: Run, command: tuple[str, ...]
) -> None:
    """With --json a document; without it text for people that no terminal of 100 columns breaks."""
    assert said(run(*command, "--json"))
    shown = run(*command)
    assert shown.exit_code == 0
    assert not shown.output.startswith(("{", "["))
    assert max(map(len, shown.output.splitlines())) <= 100


def test_usage(busy: Cloud, run: Run) -> None:
    """Totals and allowances a meter, and a row a day, category and market; shares are fractions, the end is open."""
    view = said(run("usage", "acme", "--json"))

    assert view.keys() == {"tenant", "term", "meters", "allowances", "days"}
    assert view["term"] == {"start": "2026-01-15", "end": "2027-01-15"}
    assert view["meters"]["sms"] == {"messages": 4, "segments": 4, "fees": "0.02324"}
    assert view["meters"]["whatsapp"]["fees"] == "0.15"
    assert {"measure": "messages", "used": 4, "included": 4, "share": 1.0}.items() <= view["allowances"]["sms"].items()
    assert {"used": "0.15", "included": "0.10", "share": 1.5}.items() <= view["allowances"]["whatsapp"].items()
    assert view["days"][-1] == {
        "date": "2026-03-10",
        "meter": "whatsapp",
        "category": "marketing",
        "market": "North America",
        "messages": 6,
        "segments": 6,
        "fees": "0.15",
    }


def test_usage_of_another_term(busy: Cloud, run: Run) -> None:
    """`--on` names the term by any of its days."""
    view = said(run("usage", "acme", "--on", "2027-02-01", "--json"))
    assert view["term"] == {"start": "2027-01-15", "end": "2028-01-15"}
    assert view["days"] == []


def test_standing(busy: Cloud, run: Run) -> None:
    """Each service with what is left and what holds it."""
    view = said(run("standing", "acme", "--json"))
    assert view.keys() == {"tenant", "services"}
    assert view["services"]["whatsapp"] == {"state": "active", "remaining": "0.00", "holds": []}
    assert (view["services"]["sms"]["state"], view["services"]["sms"]["remaining"]) == ("suspended", 0)
    assert len(view["services"]["sms"]["holds"]) == 1


def test_notices(busy: Cloud, run: Run) -> None:
    """What was crossed, when, and how the mail stands."""
    rows = said(run("notices", "acme", "--json"))
    [warned] = [row for row in rows if (row["meter"], row["line"]) == ("sms", 50)]
    assert warned == {
        "kind": "usage-warning",
        "term": "2026-01-15",
        "meter": "sms",
        "line": 50,
        "used": 2,
        "included": 4,
        "at": "2026-03-10T17:00:00Z",
        "period": None,
        "mail": {"status": "queued", "to": [], "sent_at": None},
    }


def test_holds(busy: Cloud, run: Run) -> None:
    """Every reason, open or lifted."""
    [row] = said(run("holds", "acme", "--json"))
    assert row == {
        "scope": "sms",
        "cause": "limit",
        "reference": "2026-01-15",
        "opened_at": "2026-03-10T17:00:00Z",
        "lifted_at": None,
    }


def test_invoices(busy: Cloud, run: Run) -> None:
    """All of them, or one tenant's, or one status'; with lines that name category and market."""
    rows = said(run("invoices", "--json"))
    assert [row["period"] for row in rows] == ["2026-01-15", "2026-02-01", "2026-03-01"]
    design = {"tenant", "period", "revision", "status", "currency", "total", "lines", "stripe_invoice", "due_date"}
    assert all(design <= row.keys() for row in rows)
    assert {row["status"] for row in said(run("invoices", "--tenant", "acme", "--status", "nil", "--json"))} == {"nil"}
    assert all({"key", "description", "quantity", "amount"} == line.keys() for row in rows for line in row["lines"])
    assert said(run("invoice", "show", "acme", "2026-03-01", "--json")) == rows[-1]


def test_an_invoice_is_shown_as_finance_reads_it(cloud: Cloud, run: Run) -> None:
    """Its lines under each other, with amounts to the right and the total beneath."""
    cloud.sign_on(contract(timezone="UTC", allowances=RULES))
    cloud.use(messages=30)
    daily.run(ports=cloud.runtime().invoice_ports(), now=DRAFTED_AT, close_after_days=3)
    page = run("invoice", "show", "acme", "2026-03-01").output

    assert page.startswith("acme, period 2026-03-01, revision 1: draft, USD\n")
    amounts = [line.split()[0] for line in page.splitlines()[3:] if line[:1] in " -0123456789" and line.strip()]
    assert amounts[-1] == "0.65"
    assert "total" in page


def test_quarantine(busy: Cloud, run: Run) -> None:
    """One row a fact, with its reason; nothing of the recipient but the country."""
    [row] = said(run("quarantine", "list", "--json"))
    assert row.keys() == {"id", "reason", "provider", "message", "facts", "at"}
    assert (row["reason"], row["message"]) == ("unknown-sender", "sms-of-nobody")
    assert said(run("quarantine", "list", "--reason", "no-fx", "--json")) == []


def test_senders_and_contract(busy: Cloud, run: Run) -> None:
    """The accounts of a tenant; the versions of its contract, each fit to be applied again."""
    assert {row["account"] for row in said(run("senders", "acme", "--json"))} == {"102290129340398", "acme"}
    [version] = said(run("contract", "show", "acme", "--json"))
    assert version["allowances"]["sms"]["included"] == "4"
    page = run("contract", "show", "acme").output
    assert page.startswith("# holds from 2026-01-15\ntenant: acme\n")


@pytest.mark.parametrize("command", [command for command in READING if "acme" in command], ids=" ".join)
def test_an_unknown_tenant_is_one_clear_message(cloud: Cloud, run: Run, command: tuple[str, ...]) -> None:
    """Exit code 1 and the name that does not exist."""
    cloud.sign_on()
    result = run(*["nobody" if word == "acme" else word for word in command])
    assert result.exit_code == 1
    assert result.output.startswith("Error: ")
    assert "nobody" in result.output
    assert isinstance(result.exception, SystemExit)


def test_nothing_is_said_when_there_is_nothing(cloud: Cloud, run: Run) -> None:
    """An empty list is a word, not an empty screen; and an empty document for programs."""
    cloud.sign_on()
    assert run("holds", "acme").output == "nothing\n"
    assert said(run("invoices", "--json")) == []
