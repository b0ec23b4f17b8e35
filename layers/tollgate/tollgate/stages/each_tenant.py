"""Each tenant: a run over all of them, in which one that fails keeps nothing from the others.

Always true: every tenant has its turn, and everyone who did not come to its end is named. What a stage knows how to
live with it catches by itself; whatever else is raised, a fault of ours that nothing foresaw, ends the turn of its
tenant alone, and leaves the run once the others had theirs. So the run has failed, and whoever started it sees it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tollgate.domain.errors import TollgateError


def each_tenant(tenants: Iterable[str], turn: Callable[[str], None], *, failed: list[str]) -> None:
    """Give every tenant its ``turn``, in order. Who does not come to its end is added to ``failed``, with the cause: of
    an error that nothing foresaw only its kind, since its words may hold what belongs into no row.

    Raises, after the last turn, what a turn has raised; of several errors the last.
    """
    raised: Exception | None = None
    for tenant in tenants:
        try:
            turn(tenant)
        except Exception as error:  # noqa: BLE001 - held back, not swallowed: the others have their turn first
            what = str(error) if isinstance(error, TollgateError) else f"unforeseen: {type(error).__name__}"
            failed.append(f"{tenant}: {what}")
            raised = error
    if raised is not None:
        raise raised
