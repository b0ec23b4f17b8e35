"""Preferences: a customer sets who is told of their usage. The choice and its entry in the trail are one write."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from tollgate.domain.errors import NotFound
from tollgate.domain.invoices import named
from tollgate.domain.preferences import Preferences, recipients_of
from tollgate.stages.ports.accounts import ContractRows, PreferenceRows


def set_recipients(
    tenant: str,
    addresses: Sequence[str],
    *,
    version: int,
    by: str,
    contracts: ContractRows,
    preferences: PreferenceRows,
    now: datetime,
) -> Preferences:
    """Choose who gets usage mails, over the choice that was read at ``version``. The same again writes nothing.

    Raises NotFound, Invalid, and Conflict when somebody else chose since.
    """
    named("recipients", by, "sets them")
    if not contracts.versions(tenant):
        raise NotFound("tenant", tenant)
    current = preferences.of(tenant)
    chosen = recipients_of(addresses)
    if current.recipients == chosen:
        return current
    wanted = Preferences(recipients=chosen, version=version)
    preferences.save(tenant, wanted, by=by, at=now)
    return replace(wanted, version=version + 1)
