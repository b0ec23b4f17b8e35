"""A run over all tenants gives each its turn, and names everyone who failed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollgate.domain.errors import NotFound
from tollgate.stages.each_tenant import each_tenant

WRONG: dict[str, Callable[[str], Exception]] = {"known": lambda name: NotFound("row", name), "unforeseen": KeyError}


@given(st.lists(st.sampled_from(["fine", "known", "unforeseen"]), max_size=6))
def test_every_tenant_has_its_turn_in_order_and_every_failure_is_named(kinds: list[str]) -> None:
    """Whoever fails, and however; what is raised is the last error. Of an unforeseen one only its kind is told."""
    had: list[str] = []
    failed: list[str] = []

    def turn(tenant: str) -> None:
        had.append(tenant)
        if (kind := tenant.partition("-")[2]) in WRONG:
            raise WRONG[kind](tenant)

    tenants = [f"{number}-{kind}" for number, kind in enumerate(kinds)]
    wrong = [tenant for tenant in tenants if not tenant.endswith("fine")]
    with pytest.raises((NotFound, KeyError)) if wrong else nullcontext() as raised:
        each_tenant(iter(tenants), turn, failed=failed)
    assert had == tenants
    assert failed == [
        f"{tenant}: row '{tenant}' does not exist" if tenant.endswith("known") else f"{tenant}: unforeseen: KeyError"
        for tenant in wrong
    ]
    if raised:
        assert wrong[-1] in str(raised.value)
