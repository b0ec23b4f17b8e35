"""The site over rows in memory, and browsers that visit it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import StringIO
from itertools import count
from typing import Any

import pytest
from aws_lambda_powertools import Logger

from tests.console.visitor import SITE, Visitor
from tests.fakes.archive import MemoryArchive
from tests.fakes.export_files import MemoryExportFiles
from tests.fakes.issuer import CLIENT, ISSUER, MemoryIssuer
from tests.fakes.outside import MemoryQueues, MemoryRecounting
from tests.fakes.rows import Memory, Rows, memory_rows
from tests.fakes.stripe import MemoryStripe
from tollgate.console.setting import Setting
from tollgate.console.site import Site
from tollgate.mails.brand import Brand
from tollgate.stages.close import ClosePorts
from tollgate.stages.corrections import CorrectionPorts
from tollgate.stages.settle import SettlePorts

NOW = datetime(2026, 3, 10, 18, tzinfo=UTC)
SERVICES = count()  # loggers of one service share what they write to
BRAND = Brand(support="help@tollgate.example", billing="pay@tollgate.example")
PLATFORM_KEY, CONSOLE_KEY = "platform-key-of-tests", b"console-key-of-tests"


@dataclass(kw_only=True)
class MemoryPorts(Rows):
    """The port ``ConsolePorts``."""

    identity: MemoryIssuer
    site: Setting
    stripe: MemoryStripe
    queues: MemoryQueues = field(default_factory=MemoryQueues)
    recounting: MemoryRecounting = field(default_factory=MemoryRecounting)
    export_files: MemoryExportFiles = field(default_factory=MemoryExportFiles)
    archive: MemoryArchive = field(default_factory=MemoryArchive)
    close_after_days: int = 3
    brand: Brand = BRAND
    console_key: bytes = CONSOLE_KEY
    platform_key: str = PLATFORM_KEY

    def correction_ports(self) -> CorrectionPorts:
        close = ClosePorts(
            ledger=self.ledger,
            contracts=self.contracts,
            invoices=self.invoices,
            count=lambda _name, _value: None,
            pause=lambda _attempt: None,
        )
        settle = SettlePorts(invoices=self.invoices, holds=self.holds, stripe=self.stripe, inbox=self.inbox)
        return CorrectionPorts(
            invoices=self.invoices,
            contracts=self.contracts,
            audit=self.audit,
            stripe=self.stripe,
            settle=settle,
            close=close,
        )


@dataclass
class World:
    """A site, what it reads, and its clock. ``log`` holds what it logged."""

    memory: Memory = field(default_factory=Memory)
    stripe: MemoryStripe = field(default_factory=MemoryStripe)
    identity: MemoryIssuer = field(default_factory=MemoryIssuer)
    now: datetime = NOW
    log: StringIO = field(default_factory=StringIO)

    def __post_init__(self) -> None:
        site = Setting(url=SITE, issuer=ISSUER, client_id=CLIENT)
        rows = vars(memory_rows(self.memory))
        self.ports = MemoryPorts(**rows, identity=self.identity, site=site, stripe=self.stripe)
        stamp = int(self.now.timestamp())
        self.identity.claims |= {"iss": ISSUER, "aud": CLIENT, "iat": stamp, "exp": stamp + 3600}
        self._site = Site(
            ports=lambda: self.ports,
            now=lambda: self.now,
            logger=Logger(service=f"test-{next(SERVICES)}", stream=self.log),
        )

    def answer(self, event: dict[str, Any]) -> dict[str, Any]:
        """The function's answer to an event."""
        return self._site.answer(event, None)

    def visitor(self) -> Visitor:
        """A new browser."""
        return Visitor(self.answer, self.identity)

    def later(self, passed: timedelta) -> None:
        """Time passes."""
        self.now += passed


@pytest.fixture
def world() -> World:
    """A site with nothing in it."""
    return World()


@pytest.fixture
def signed_in(world: World) -> Callable[..., Visitor]:
    """``signed_in("finance")``: a browser of somebody with these roles."""

    def browser(*groups: str) -> Visitor:
        visitor = world.visitor()
        visitor.sign_in(*groups)
        return visitor

    return browser
