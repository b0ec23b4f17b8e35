"""Lines: the shares of an allowance at which something happens, and what crossing one means.

Always true: a line fires at exactly its share; once a term and allowance, however the count got there; a jump over two
lines fires both. A line that the customer asked for fires like one of the contract's, unless it was behind the usage
when it was asked for: then it fires from the next term on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Final

from tollgate.domain.contract import Allowance, Contract
from tollgate.domain.notices import LIMIT, LIMIT_REACHED, USAGE_WARNING, Hold, Notice
from tollgate.domain.usage import TermRow

FULL: Final = 100


@dataclass(frozen=True, slots=True)
class Crossing:
    """A line that has just been crossed: the notice to write and, where the contract suspends, the hold."""

    notice: Notice
    hold: Hold | None


def lines_of(allowance: Allowance) -> tuple[int, ...]:
    """The lines of an allowance in percent, ascending; none where nothing is included."""
    return (*allowance.warn_at, FULL) if allowance.included else ()


def lines_in(row: TermRow, allowance: Allowance, meter: str) -> tuple[int, ...]:
    """The lines of an allowance in a term, ascending: the contract's, and those that the customer asked for."""
    lines = lines_of(allowance)
    if not row.asked or not lines:
        return lines
    return tuple(sorted({*lines, *(line for name, line in row.asked if name == meter)}))


def threshold(allowance: Allowance, line: int) -> Decimal:
    """The use at which a line is reached, in the allowance's measure."""
    return allowance.included * line / FULL


def crossings(row: TermRow, *, contract: Contract, meter: str, at: datetime) -> Iterator[Crossing]:
    """The lines of a meter that have been reached and have not fired yet."""
    allowance = contract.allowances.get(meter)
    if allowance is None:
        return
    used = row.of(meter).measured(allowance.measure)
    for line in lines_in(row, allowance, meter):
        if (
            used >= threshold(allowance, line)
            and (meter, line) not in row.crossed
            and ((meter, line) not in row.passed or line in allowance.warn_at)
        ):
            yield _crossing(row, contract=contract, meter=meter, line=line, at=at)


def _crossing(row: TermRow, *, contract: Contract, meter: str, line: int, at: datetime) -> Crossing:
    allowance = contract.allowances[meter]
    notice = Notice(
        tenant=contract.tenant,
        kind=LIMIT_REACHED if line == FULL else USAGE_WARNING,
        term=row.term.start,
        at=at,
        meter=meter,
        line=line,
        used=row.of(meter).measured(allowance.measure),
        included=allowance.included,
        rearmed=_rearmed(row, meter, line),
        asked=line not in lines_of(allowance),
    )
    suspends = line == FULL and allowance.beyond == "suspend"
    return Crossing(notice, limit_hold(row, contract=contract, meter=meter, at=at) if suspends else None)


def limit_hold(row: TermRow, *, contract: Contract, meter: str, at: datetime) -> Hold:
    """The hold of a meter whose limit is reached; of a limit that was raised before, one of its own."""
    reference = str(row.term.start)
    if rearmed := _rearmed(row, meter, FULL):
        reference += f"/{contract.allowances[meter].included}" + (f"/{rearmed}" if rearmed > 1 else "")
    return Hold(tenant=contract.tenant, scope=meter, cause=LIMIT, reference=reference, opened_at=at)


def _rearmed(row: TermRow, meter: str, line: int) -> int:
    return max(1, row.rearmings) if (meter, line) in row.rearmed else 0


def asking(row: TermRow, *, contract: Contract, asked: Collection[tuple[str, int]]) -> TermRow:
    """The row once the customer asks for these lines. One that is new and behind the usage counts as passed: that it
    has just been crossed would not be true."""
    behind = {
        (meter, line)
        for meter, line in frozenset(asked) - row.asked - row.crossed
        if (allowance := contract.allowances.get(meter)) and _is_reached(row, allowance, meter, line)
    }
    return replace(row, asked=frozenset(asked), passed=frozenset(row.passed.intersection(asked) | behind))


def _is_reached(row: TermRow, allowance: Allowance, meter: str, line: int) -> bool:
    return row.of(meter).measured(allowance.measure) >= threshold(allowance, line)


def rearm(row: TermRow, *, contract: Contract, held: Collection[str]) -> TermRow:
    """The row after limits changed: which lines may fire again. ``held``: the meters whose limit
    holds them already, or cannot any more since the term has ended.

    A line that the new allowance puts out of reach may; so may a full one that was billed when it fired and suspends
    from now on, since what it says is another thing. Any other line that is still reached stays fired: nobody is told
    the same thing twice.
    """
    again = frozenset(
        (meter, line)
        for meter, line in row.crossed
        if (allowance := contract.allowances.get(meter))
        and (
            not _is_reached(row, allowance, meter, line)
            or (line == FULL and allowance.beyond == "suspend" and meter not in held)
        )
    )
    ahead = frozenset(
        (meter, line)
        for meter, line in row.passed
        if (allowance := contract.allowances.get(meter)) and not _is_reached(row, allowance, meter, line)
    )
    return replace(
        row,
        crossed=row.crossed - again,
        rearmed=row.rearmed | again,
        rearmings=row.rearmings + 1 if again else row.rearmings,
        passed=row.passed - ahead,
    )
