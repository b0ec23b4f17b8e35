"""ContractRows, in memory and in the real tables."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import NamedTuple

import pytest

from tests.adapters.rows.samples import contract_of
from tests.domain.examples import NOON
from tests.fakes.rows import Rows
from tollgate.domain.contract import Contract
from tollgate.domain.errors import Conflict
from tollgate.domain.senders import Assignment
from tollgate.stages.ports.accounts import SenderKey

type Assignments = Mapping[SenderKey, Sequence[Assignment]]

SINCE = datetime(2026, 1, 15, 6, tzinfo=UTC)


class Applied(NamedTuple):
    """One tenant's contract with its two accounts, as applied."""

    contract: Contract
    senders: dict[SenderKey, list[Assignment]]


def assigned(account: str, tenant: str, *, number: str = "", since: datetime = SINCE) -> Assignment:
    return Assignment(provider="meta", account=account, number=number, tenant=tenant, since=since, card="meta")


def apply(rows: Rows, contract: Contract, senders: Assignments, read: Assignments | None = None) -> None:
    rows.contracts.apply(contract, senders, read or {}, by="mia", at=NOON)


@pytest.fixture
def applied(rows: Rows, tenant: str) -> Applied:
    """A contract in force."""
    senders = {("meta", f"{tenant}-{name}"): [assigned(f"{tenant}-{name}", tenant)] for name in ("one", "two")}
    apply(rows, contract_of(tenant), senders)
    return Applied(contract_of(tenant), senders)


def test_a_contract_reads_back_as_it_was_applied(rows: Rows, applied: Applied) -> None:
    """The document, its senders and its tenant are there, amounts with their zeros."""
    tenant = applied.contract.tenant
    assert rows.contracts.versions(tenant) == [applied.contract]
    [stored] = rows.contracts.versions(tenant)
    assert str(stored.allowances["whatsapp"].included) == str(applied.contract.allowances["whatsapp"].included)
    assert rows.contracts.senders(applied.senders) == applied.senders
    assert tenant in rows.contracts.tenants()


def test_versions_come_oldest_first_and_a_date_has_one(rows: Rows, applied: Applied) -> None:
    """A version of a later day stands beside the first; one of the same day takes its place."""
    tenant = applied.contract.tenant
    later = contract_of(tenant, **{"from": "2026-06-01"}, name="Acme Two")
    renamed = contract_of(tenant, **{"from": "2026-06-01"}, name="Acme Three")
    for version in (later, renamed):
        apply(rows, version, {})
    assert rows.contracts.versions(tenant) == [applied.contract, renamed]
    assert [version.effective for version in rows.contracts.versions(tenant)] == [date(2026, 1, 15), date(2026, 6, 1)]


def test_an_unknown_tenant_has_nothing(rows: Rows, tenant: str) -> None:
    """No versions, no Stripe customer, no senders, and no entry in the list."""
    assert rows.contracts.versions(tenant) == []
    assert rows.contracts.stripe_customer(tenant) == ""
    assert rows.contracts.senders([("meta", tenant)]) == {}
    assert tenant not in rows.contracts.tenants()


def test_tenants_are_listed_once_in_order(rows: Rows, applied: Applied) -> None:
    """A tenant that applies again is still one tenant."""
    apply(rows, replace_name(applied.contract, "Again"), {})
    listed = rows.contracts.tenants()
    assert listed == sorted(set(listed))
    assert listed.count(applied.contract.tenant) == 1


def replace_name(contract: Contract, name: str) -> Contract:
    return contract_of(contract.tenant, name=name)


def test_more_accounts_than_one_call_takes_are_read(rows: Rows, applied: Applied) -> None:
    """A batch of receipts may come from more than 100 accounts, most of them nobody's."""
    strangers = [("meta", f"stranger-{number}") for number in range(150)]
    assert rows.contracts.senders([*strangers, *applied.senders]) == applied.senders


def test_accounts_that_look_like_keys_stay_apart(rows: Rows, tenant: str) -> None:
    """A separator in a provider's account never makes two accounts one."""
    accounts = [f"{tenant}#a", f"{tenant}%23a", f"{tenant}%2523a"]
    senders = {("meta", account): [assigned(account, tenant)] for account in accounts}
    apply(rows, contract_of(tenant), senders)
    assert rows.contracts.senders(senders) == senders


def test_an_account_that_was_given_to_somebody_else_stops_the_contract(rows: Rows, applied: Applied) -> None:
    """Two contracts that read an account as free cannot both take it: the second writes nothing at all."""
    account = next(iter(applied.senders))
    rival, free = f"{applied.contract.tenant}-rival", ("meta", f"{applied.contract.tenant}-free")
    wanted = {account: [assigned(account[1], rival)], free: [assigned(free[1], rival)]}
    with pytest.raises(Conflict):
        apply(rows, contract_of(rival), wanted)
    assert rows.contracts.versions(rival) == []
    assert rival not in rows.contracts.tenants()
    assert rows.contracts.senders([account, free]) == {account: applied.senders[account]}


def test_an_account_that_was_read_and_not_touched_must_not_have_moved_either(rows: Rows, applied: Applied) -> None:
    """What a decision rests on is checked, also where it is not written."""
    account = next(iter(applied.senders))
    with pytest.raises(Conflict):
        apply(rows, contract_of(applied.contract.tenant, name="Other"), {}, read={account: []})
    assert rows.contracts.versions(applied.contract.tenant) == [applied.contract]


def test_an_account_passes_on_when_it_is_as_it_was_read(rows: Rows, applied: Applied) -> None:
    """An account is handed over with its history; one with no assignments left is nobody's."""
    heir = f"{applied.contract.tenant}-heir"
    first, second = applied.senders
    handed = [*applied.senders[first], assigned(first[1], heir, since=NOON)]
    apply(rows, contract_of(heir), {first: handed, second: []}, read=applied.senders)
    assert rows.contracts.senders([first, second]) == {first: handed}
    again = {first: handed, second: [assigned(second[1], heir)]}
    apply(rows, contract_of(heir), again, read={first: handed, second: []})
    assert rows.contracts.senders([first, second]) == again


def test_applying_a_contract_again_changes_nothing(rows: Rows, applied: Applied) -> None:
    """The same contract with the same senders can be applied any number of times."""
    apply(rows, applied.contract, applied.senders, read=applied.senders)
    assert rows.contracts.versions(applied.contract.tenant) == [applied.contract]
    assert rows.contracts.senders(applied.senders) == applied.senders


def test_a_stripe_customer_is_remembered_once(rows: Rows, applied: Applied) -> None:
    """Whoever comes second is told the first; applying a contract again does not forget it."""
    tenant = applied.contract.tenant
    assert rows.contracts.set_stripe_customer(tenant, "cus_1") == "cus_1"
    assert rows.contracts.set_stripe_customer(tenant, "cus_2") == "cus_1"
    apply(rows, contract_of(tenant, name="Renamed"), {})
    assert rows.contracts.stripe_customer(tenant) == "cus_1"


def test_an_assignment_narrowed_to_a_number_reads_back(rows: Rows, tenant: str) -> None:
    """All that an assignment says survives, its end among it."""
    own = [
        assigned(tenant, tenant, number="106540352242922"),
        assigned(tenant, tenant),
        replace(assigned(tenant, ""), since=NOON, card="meta-eur"),
    ]
    apply(rows, contract_of(tenant), {("meta", tenant): own})
    assert rows.contracts.senders([("meta", tenant)]) == {("meta", tenant): own}
