"""Views of the console's data: JSON whole, amounts exact, and nothing of a recipient but the country."""

from __future__ import annotations

import json
from copy import replace
from typing import Any

from tests.adapters.rows.samples import text_message
from tests.domain.examples import D, contract
from tests.stages.billing import FEBRUARY, FREE, JANUARY, Billing, at
from tests.stages.test_close_report import closed, report
from tests.stages.test_corrections import credited
from tests.stages.test_drilldown import MONTH, shown
from tests.stages.test_drilldown import used as messages_used
from tests.stages.test_explanation import explain
from tests.stages.test_explanation import used as fees_used
from tests.stages.test_review import APRIL, decide, even, reviewed, selected, waits
from tests.stages.test_tenants import NOW, held, ports, used
from tests.stages.test_timeline import told
from tollgate.stages.ops import last_runs, quarantined, undelivered
from tollgate.stages.ports.accounts import MailState
from tollgate.stages.ports.queues import QueueDepth
from tollgate.stages.tenants import tenant_detail, tenants
from tollgate.stages.views_explained import explained_view, message_view, messages_view, timeline_view
from tollgate.stages.views_review import close_view, decisions_view, review_view
from tollgate.stages.views_tenants import (
    queues_view,
    runs_view,
    tenant_detail_view,
    tenants_view,
    undelivered_view,
    waiting_view,
)


def plain(view: Any) -> Any:
    """The view as it leaves: it must be JSON as it stands."""
    return json.loads(json.dumps(view))


def test_the_review_as_json() -> None:
    """A row for each draft, and what they come to."""
    [row] = reviewed(even(), JANUARY)
    assert plain(review_view([row])) == {
        "rows": [
            {
                "tenant": "acme",
                "period": "2026-01-15",
                "revision": 1,
                "status": "draft",
                "currency": "USD",
                "total": "10.00",
                "mean": None,
                "change": None,
                "flags": [{"name": "first-invoice", "reason": "the first statement of this tenant"}],
                "clean": False,
                "first_approved_by": None,
                "sent_back": None,
            }
        ],
        "totals": {"USD": {"drafts": 1, "clean": 0, "total": "10.00"}},
    }
    assert plain(review_view(reviewed(even(), APRIL)))["rows"][0]["change"] == "0.0"


def test_decisions_as_json() -> None:
    """A status, or why it was refused."""
    [done, refused] = plain(decisions_view(decide(even(), selected(FEBRUARY), selected(JANUARY))))
    assert (done["status"], done["refused"]) == ("approved", None)
    assert (refused["status"], refused["refused"]) == (None, "flagged (first-invoice): approve it by itself")


def test_the_close_report_as_json() -> None:
    """Messages and amounts apart, with what is left over."""
    [row] = report(closed())
    view = plain(close_view(row))
    assert view["messages"] == {
        "sent": 4, "billed": 4, "free": 0, "late": 0, "corrected": 0, "quarantined": 0, "off": 0,
    }  # fmt: skip
    assert (view["amounts"]["to_pay"], view["amounts"]["off"], view["adds_up"]) == ("10.00", "0.00", True)


def test_an_explained_invoice_as_json() -> None:
    """The invoice, its sentences, its days and the message that crossed."""
    view = plain(explained_view(explain(fees_used())))
    assert view["invoice"]["total"] == "5.00"
    assert view["explanation"]["sentences"][-1] == "To pay: USD 5.00."
    assert view["explanation"]["terms"][0]["meters"][0]["free"] == "10.00"
    assert view["days"]["whatsapp"][0] == {"date": "2026-02-10", "messages": 2, "fees": "3.00", "to_date": "11.00"}
    assert view["crossings"]["whatsapp"] == {
        "message": {"provider": "meta", "message": "m2", "participant": None},
        "at": "2026-02-10T00:00:00Z",
        "included": "10.00",
        "before": "9.50",
        "after": "11.00",
        "free": "0.50",
        "paid": "1.00",
    }


def test_an_invoices_credits_and_notes_as_json() -> None:
    """With Stripe's number and whose they are."""
    world = Billing()
    world.issued(JANUARY, "10.00", approved=at("2026-02-05"))
    credited(world)
    view = plain(explained_view(explain(world, JANUARY)))["invoice"]
    [credit] = view["credits"]
    assert (credit["number"], credit["amount"], credit["by"]) == ("T-1-CN-01", "4.00", "mia")
    assert (view["remaining"], view["hosted_url"], view["sent_back"]) == ("6.00", "https://invoice.example/in_1", None)
    assert view["pdf_url"] == "https://invoice.example/in_1/pdf"
    assert [one["what"] for one in plain(timeline_view(told(world)))][-1] == "credit note issued"


def test_a_page_of_messages_as_json() -> None:
    """With a cursor while there are more."""
    view = plain(messages_view(shown(messages_used(), size=1)))
    assert view["cursor"]
    assert view["messages"][0]["fee"] == "0.10"
    assert plain(messages_view(shown(messages_used(), MONTH)))["cursor"] is None


def test_a_message_as_json_has_everything_but_its_recipient() -> None:
    """Statuses in order, reports, each part of the fee with where it came from; of the recipient the country."""
    record = text_message()
    view = plain(message_view(record))
    assert [one["status"] for one in view["statuses"]] == ["TEXT_SENT", "TEXT_DELIVERED"]
    assert view["reports"]["TEXT_SENT"]["price"] == "0.01162"
    assert {fee["charged"] for fee in view["fees"].values()} == {True}
    assert sum(D(fee["amount"]) for fee in view["fees"].values()) == D(view["usage"]["fee"])
    assert view["country"] == "US"
    assert record.recipient.hash not in json.dumps(view)
    assert "1415" not in json.dumps(view)
    bare = plain(message_view(replace(record, usage=None, unpriced="no-rate")))
    assert (bare["usage"], bare["fees"], bare["unpriced"]) == (None, {}, "no-rate")


def test_tenants_as_json() -> None:
    """Use against each allowance with its lines, pace and holds."""
    world = used()
    held(world)
    [row] = plain(tenants_view(tenants(ports=ports(world), now=NOW)))["tenants"]
    assert row["allowances"]["sms"] == {
        "measure": "messages",
        "used": 2,
        "included": 4,
        "share": 0.5,
        "beyond": "suspend",
        "lines": [
            {"percent": 50, "at": 2, "crossed": True, "asked": False},
            {"percent": 100, "at": 4, "crossed": False, "asked": False},
        ],
        "per_day": "0.10",
        "expected_on": "2026-02-24",
        "reached": False,
    }
    [hold] = row["open_holds"]
    assert (hold["by"], hold["note"], hold["cause"]) == ("mia", "stolen card", "manual")


def test_a_tenant_as_json() -> None:
    """Versions with their documents, changed limits with their approval."""
    world = used()
    version = contract(
        allowances=FREE | {"sms": None}, approval={"by": "Jo", "document": "SO-1"}, **{"from": "2026-02-01"}
    )
    world.sign(version)
    view = plain(tenant_detail_view(tenant_detail("acme", ports=ports(world), now=NOW)))
    assert view["limit_changes"] == [{"from": "2026-02-01", "meters": ["sms"], "approved_by": "Jo", "document": "SO-1"}]
    newest = view["versions"][0]
    assert {"path": "allowances.sms.included", "before": "4", "after": None} in newest["differences"]
    assert newest["document"]["tenant"] == "acme"


def test_ops_as_json() -> None:
    """Quarantine by reason, undelivered mails, runs, queues."""
    world = Billing()
    world.suspended(JANUARY, "10.00", approved=at("2026-02-05"))
    key = next(iter(world.memory.notices))
    world.memory.notices[key] = (world.memory.notices[key][0], MailState(status="bounced", reasons=("full",)))
    waits(world, "m1", moment=at("2026-03-10"))
    rows = world.rows
    [group] = plain(waiting_view(quarantined(quarantine=rows.quarantine, contracts=rows.contracts)))
    assert (group["reason"], group["tenants"], group["oldest"]) == ("no-rate", ["acme"], "2026-03-10T12:00:00Z")
    mails = plain(undelivered_view(undelivered(contracts=rows.contracts, notices=rows.notices, now=at("2026-02-20"))))
    assert (mails["mails"][0]["status"], mails["mails"][0]["reasons"], mails["cursor"]) == ("bounced", ["full"], None)
    assert plain(runs_view(last_runs(runs=rows.runs)))["invoice"][0]["counts"]["suspended"] == 1
    depth = QueueDepth(name="a-dlq", waiting=1, in_flight=2, delayed=0, dead_letters=True, returnable=False)
    assert plain(queues_view([depth])) == [
        {"name": "a-dlq", "waiting": 1, "in_flight": 2, "delayed": 0, "dead_letters": True, "returnable": False}
    ]
