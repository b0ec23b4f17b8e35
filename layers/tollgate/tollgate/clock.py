"""The clock, for entries only: stages and decisions are handed the time."""

from __future__ import annotations

from datetime import UTC, datetime

from tollgate.domain.errors import Invalid, Problem


def now() -> datetime:
    """The current time in UTC."""
    return datetime.now(UTC)


def scheduled(text: object) -> datetime:
    """The time a schedule passes, as UTC. Raises Invalid for a placeholder that was not filled in, or no time zone."""
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError as error:
        raise Invalid("schedule", [Problem("time", "expected an ISO 8601 time")]) from error
    if moment.tzinfo is None:
        raise Invalid("schedule", [Problem("time", "expected a time zone, such as a Z at the end")])
    return moment.astimezone(UTC)
