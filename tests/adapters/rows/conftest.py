"""Every rows port twice: in memory, and over the real tables on the local AWS. What holds on one only is a bug.

The tables are the template's own, so that they cannot drift. There is one pair a run: a test keeps to its own
``tenant``, and to its own rows where the rows are nobody's (quarantine, cards, exchange rates).
"""

from collections.abc import Callable
from itertools import count

import pytest

from local.ministack import LocalAws
from tests.adapters.rows.tables import Tables, create
from tests.domain.examples import MARKETS
from tests.fakes.rows import Memory, Rows, memory_rows
from tollgate.adapters.dynamodb import (
    DynamoAudit,
    DynamoContracts,
    DynamoDraftsNotices,
    DynamoExports,
    DynamoHolds,
    DynamoInbox,
    DynamoInvoices,
    DynamoLedger,
    DynamoNotices,
    DynamoPortalLinks,
    DynamoPreferences,
    DynamoQuarantine,
    DynamoRates,
    DynamoReconciled,
    DynamoRuns,
    Store,
)

_numbers = count(1)


def dynamo_rows(store: Store) -> Rows:
    """Every port over one store, as one process builds them."""
    return Rows(
        ledger=DynamoLedger(store),
        contracts=DynamoContracts(store),
        rates=DynamoRates(store, bundled=MARKETS),
        quarantine=DynamoQuarantine(store),
        notices=DynamoNotices(store),
        holds=DynamoHolds(store),
        invoices=DynamoInvoices(store),
        inbox=DynamoInbox(store),
        audit=DynamoAudit(store),
        runs=DynamoRuns(store),
        reconciled=DynamoReconciled(store),
        preferences=DynamoPreferences(store),
        portal_links=DynamoPortalLinks(store),
        drafts=DynamoDraftsNotices(store),
        exports=DynamoExports(store),
    )


@pytest.fixture(scope="session")
def tables(local_aws: LocalAws) -> Tables:
    """The tables of this run."""
    return create(local_aws)


@pytest.fixture(params=["memory", pytest.param("dynamodb", marks=pytest.mark.localaws)])
def processes(request: pytest.FixtureRequest) -> Callable[[], Rows]:
    """The ports as another process builds them: over the same rows, with nothing remembered."""
    if request.param == "memory":
        memory = Memory()
        return lambda: memory_rows(memory, bundled=MARKETS)
    store = request.getfixturevalue("tables").store()
    return lambda: dynamo_rows(store)


@pytest.fixture
def rows(processes: Callable[[], Rows]) -> Rows:
    """Every port."""
    return processes()


@pytest.fixture
def tenant() -> str:
    """A tenant that no other test has."""
    return f"tenant-{next(_numbers)}"
