"""Each tenant: a run over all of them, in which one that fails keeps nothing from the others.

Always true: every tenant has its turn, and everyone who did not come to its end is named. What a stage knows how to
live with it catches by itself; whatever else is raised, a fault of ours that nothing foresaw, ends the turn of its
tenant alone, and leaves the run once the others had theirs. So the run has failed, and whoever started it sees it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from types import TracebackType

from tollgate.domain.errors import TollgateError


def each_tenant(tenants: Iterable[str], turn: Callable[[str], None], *, failed: list[str]) -> None:
    """Give every tenant its ``turn``, in order. Who does not come to its end is added to ``failed``, with the cause.

    Raises, after the last turn, what a turn has raised; of several errors the last.
    """
    with ExitStack() as left:
        for tenant in reversed(list(tenants)):  # a stack: what goes on last is called first, whatever was raised before
            left.callback(_turn, tenant, turn, failed)


def _turn(tenant: str, turn: Callable[[str], None], failed: list[str]) -> None:
    with _Named(tenant, failed):
        turn(tenant)


class _Named:
    """Names an error on its way out. It holds nothing up, and tells of one that nothing foresaw only what kind it is:
    its words may hold what belongs into no row."""

    def __init__(self, tenant: str, failed: list[str]) -> None:
        self._tenant, self._failed = tenant, failed

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            what = str(error) if isinstance(error, TollgateError) else f"unforeseen: {kind.__name__}"
            self._failed.append(f"{self._tenant}: {what}")
