"""Contract changes: what two versions say differently, and who approved a changed limit."""

from __future__ import annotations

from datetime import date
from typing import Any

from tests.domain.examples import DOCUMENT, contract
from tollgate.domain.contract import parse
from tollgate.domain.contract_changes import Difference, LimitChange, differences, limit_changes

SMS: dict[str, Any] = DOCUMENT["allowances"]["sms"]


def test_versions_that_say_the_same_do_not_differ() -> None:
    """When a version takes effect, and by whose approval, is not a term."""
    approval = {"by": "Jo", "document": "SO-1"}
    assert differences(contract(), contract(**{"from": "2026-03-01"}, approval=approval)) == []


def test_each_term_that_differs_is_named_with_both_values() -> None:
    """Added and withdrawn ones with nothing on the other side; lists in one piece; senders by account."""
    after = contract(
        contacts={"usage": ["ops@acme.example", "b@acme.example"], "billing": ["ap@acme.example"]},
        senders=[{"provider": "meta", "account": "1", "card": "gold"}, *DOCUMENT["senders"]],
        allowances={"whatsapp": None, "sms": SMS | {"included": 60000}},
    )
    assert differences(contract(), after) == [
        Difference("allowances.sms.included", "50000", "60000"),
        Difference("allowances.whatsapp.beyond", "bill", ""),
        Difference("allowances.whatsapp.included", "1000.00", ""),
        Difference("allowances.whatsapp.measure", "fees", ""),
        Difference("allowances.whatsapp.warn_at", "75", ""),
        Difference("contacts.usage", "ops@acme.example", "ops@acme.example, b@acme.example"),
        Difference("senders.meta/1.card", "", "gold"),
        Difference("senders.meta/1.from", "", "2026-01-15"),
    ]


def test_changed_limits_are_listed_with_their_approval() -> None:
    """Only versions that changed a limit of the one before; one without an approval says so."""
    versions = [
        contract(),
        contract(**{"from": "2026-03-01"}, name="Acme"),
        contract(**{"from": "2026-04-01"}, allowances={"sms": SMS | {"included": 60000}},
                 approval={"by": "Jo Doe", "document": "SO-17"}),
        parse(DOCUMENT | {"from": "2026-05-01"}),
    ]  # fmt: skip
    assert limit_changes(versions) == [
        LimitChange(effective=date(2026, 4, 1), meters=("sms",), approved_by="Jo Doe", document="SO-17"),
        LimitChange(effective=date(2026, 5, 1), meters=("sms",), approved_by="", document=""),
    ]
