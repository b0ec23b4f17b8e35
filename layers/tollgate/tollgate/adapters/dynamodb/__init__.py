"""The two tables: every row of Tollgate, behind the ports of ``tollgate.stages.ports``.

``keys`` holds every key; ``record_items``, ``usage_items`` and ``codec`` turn rows into items and back, purely;
``store`` is the wire, and the only place where an SDK error becomes one of ours. The other modules are one port each.
Always true: no attribute is null, no float is stored, and every write that follows from something read is conditional
on it.
"""

from tollgate.adapters.dynamodb.audit import DynamoAudit
from tollgate.adapters.dynamodb.contracts import DynamoContracts
from tollgate.adapters.dynamodb.drafts import DynamoDraftsNotices
from tollgate.adapters.dynamodb.exports import DynamoExports
from tollgate.adapters.dynamodb.inbox import DynamoInbox
from tollgate.adapters.dynamodb.invoices import DynamoInvoices
from tollgate.adapters.dynamodb.ledger import DynamoLedger
from tollgate.adapters.dynamodb.notices import DynamoHolds, DynamoNotices
from tollgate.adapters.dynamodb.portal_links import DynamoPortalLinks
from tollgate.adapters.dynamodb.preferences import DynamoPreferences
from tollgate.adapters.dynamodb.quarantine import DynamoQuarantine
from tollgate.adapters.dynamodb.rates import DynamoRates
from tollgate.adapters.dynamodb.reconciled import DynamoReconciled
from tollgate.adapters.dynamodb.runs import DynamoRuns
from tollgate.adapters.dynamodb.store import Store

__all__ = [
    "DynamoAudit",
    "DynamoContracts",
    "DynamoDraftsNotices",
    "DynamoExports",
    "DynamoHolds",
    "DynamoInbox",
    "DynamoInvoices",
    "DynamoLedger",
    "DynamoNotices",
    "DynamoPortalLinks",
    "DynamoPreferences",
    "DynamoQuarantine",
    "DynamoRates",
    "DynamoReconciled",
    "DynamoRuns",
    "Store",
]
