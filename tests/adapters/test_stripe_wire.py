"""Values on the wire."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
import stripe

from tollgate.adapters.stripe_gateway import wire
from tollgate.domain.statement import Line

JULY = (datetime(2026, 7, 1, tzinfo=UTC), datetime(2026, 7, 31, 23, 59, 59, tzinfo=UTC))


def line(amount: str, *, description: str = "Marketing messages, India", key: str = "marketing/India") -> Line:
    return Line(key=key, description=description, quantity=1200, amount=Decimal(amount))


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("1234.50", "USD", 123_450),
        ("1234.5", "usd", 123_450),
        ("-0.01", "USD", -1),
        ("1E+3", "USD", 1_000_00),
        ("500", "JPY", 500),
        ("1.250", "KWD", 1_250),
        ("0.00", "EUR", 0),
    ],
)
def test_an_amount_goes_out_as_whole_minor_units(amount: str, currency: str, minor: int) -> None:
    """Each currency by its own number of decimals, as an int, which cannot turn into an exponent."""
    (sent,) = wire.line_params([line(amount)], currency=currency, period=JULY)
    assert sent["amount"] == minor
    assert type(sent["amount"]) is int


def test_a_fraction_of_a_cent_is_refused() -> None:
    """Rounding is the statement's; a second rounding here would break the sum."""
    with pytest.raises(ValueError, match="minor units"):
        wire.line_params([line("0.005")], currency="USD", period=JULY)


def test_a_line_on_the_wire() -> None:
    """Key and quantity travel as metadata; the period ends with its last second."""
    assert wire.line_params([line("12.34")], currency="USD", period=JULY) == [
        {
            "amount": 1234,
            "description": "Marketing messages, India",
            "discountable": False,
            "metadata": {"key": "marketing/India", "quantity": "1200"},
            "period": {"start": 1_782_864_000, "end": 1_785_542_399},
        }
    ]


def test_an_invoice_holds_250_lines() -> None:
    """Stripe's limit is met before the request."""
    assert len(wire.line_params([line("1.00")] * 250, currency="USD", period=JULY)) == 250
    with pytest.raises(ValueError, match="251 lines"):
        wire.line_params([line("1.00")] * 251, currency="USD", period=JULY)


def test_a_long_description_is_cut_and_shows_it() -> None:
    """500 characters, the last of them an ellipsis."""
    (sent,) = wire.line_params([line("1.00", description="x" * 501)], currency="USD", period=JULY)
    assert sent["description"] == "x" * 499 + "…"
    assert wire.clipped("x" * 500, 500) == "x" * 500


def test_times_are_whole_unix_seconds() -> None:
    """Of any zone; one without a zone would take the machine's, and is refused."""
    assert wire.seconds(datetime(2026, 7, 1, 2, 0, 0, 999_999, timezone(timedelta(hours=2)))) == 1_782_864_000
    with pytest.raises(ValueError, match="no time zone"):
        wire.seconds(datetime(2026, 7, 1))  # noqa: DTZ001  # the claim is about such a time


@pytest.mark.parametrize(
    "metadata",
    [
        {f"n{number}": "v" for number in range(51)},
        {"n" * 41: "v"},
        {"": "v"},
        {"a[b]": "v"},
        {"n": "v" * 501},
    ],
)
def test_metadata_beyond_stripes_limits_is_refused(metadata: dict[str, str]) -> None:
    """50 entries, names of 40 characters without brackets, values of 500."""
    with pytest.raises(ValueError, match="metadata"):
        wire.checked_metadata(metadata)


def test_metadata_at_its_limits_passes() -> None:
    """Exactly at each limit is within it."""
    metadata = {"n" * 40: "v" * 500, **{f"n{number}": "" for number in range(49)}}
    assert wire.checked_metadata(metadata) == metadata


@pytest.mark.parametrize(
    ("metadata", "wanted", "same"),
    [
        ({"tenant": "acme", "period": "2026-07-01"}, {"tenant": "acme"}, True),
        ({"tenant": "acme"}, {"tenant": "acme", "period": "2026-07-01"}, False),
        ({"tenant": "acme2"}, {"tenant": "acme"}, False),
        ({}, {"extra": ""}, True),
    ],
)
def test_metadata_matches_when_all_that_is_wanted_is_there(
    metadata: dict[str, str], wanted: dict[str, str], same: bool
) -> None:
    """What else an object carries does not matter; Stripe drops empty values."""
    assert wire.matches(metadata, wanted) is same


def invoice(identity: str, status: str, created: int = 1) -> stripe.Invoice:
    return stripe.Invoice.construct_from({"id": identity, "status": status, "created": created}, None)


@pytest.mark.parametrize(
    ("found", "taken"),
    [
        ([], None),
        ([("a", "void", 1)], "a"),
        ([("a", "void", 1), ("b", "draft", 2)], "b"),
        ([("a", "draft", 1), ("b", "open", 2)], "b"),
        ([("a", "open", 1), ("b", "uncollectible", 2), ("c", "paid", 3)], "c"),
        ([("b", "open", 2), ("a", "open", 1)], "a"),
        ([("b", "open", 1), ("a", "open", 1)], "a"),
    ],
)
def test_of_several_invoices_the_furthest_then_the_oldest_counts(
    found: list[tuple[str, str, int]], taken: str | None
) -> None:
    """A repeat goes on with the one that can least be undone, whatever the order they are listed in."""
    for order in (found, found[::-1]):
        chosen = wire.furthest(invoice(*each) for each in order)
        assert (chosen.id if chosen else None) == taken


def test_a_draft_has_no_number_yet() -> None:
    """Absent and null fields of a draft read as empty, amounts by the currency's decimals."""
    answer = {"id": "in_1", "status": "draft", "currency": "jpy", "total": 500, "amount_remaining": 500, "number": None}
    read = wire.invoice_of(stripe.Invoice.construct_from(answer, None))
    assert (read.number, read.hosted_url, read.pdf_url, read.due_at, dict(read.metadata)) == ("", "", "", None, {})
    assert (read.total, read.remaining, read.currency) == (Decimal(500), Decimal(500), "jpy")


@pytest.mark.parametrize(
    ("moved", "settled_at"),
    [
        (None, None),
        ({"finalized_at": 1_795_255_200, "paid_at": None, "voided_at": None}, None),
        ({"paid_at": 1_795_255_200, "voided_at": None}, datetime(2026, 11, 21, 10, tzinfo=UTC)),
        ({"paid_at": None, "voided_at": 1_795_255_200}, datetime(2026, 11, 21, 10, tzinfo=UTC)),
    ],
)
def test_an_invoice_is_settled_when_it_was_paid_or_voided(
    moved: dict[str, int | None] | None, settled_at: datetime | None
) -> None:
    """The time is Stripe's, which no delayed event can change."""
    answer = {"id": "in_1", "status": "open", "currency": "usd", "total": 1, "amount_remaining": 1}
    read = wire.invoice_of(stripe.Invoice.construct_from(answer | {"status_transitions": moved}, None))
    assert read.settled_at == settled_at


def test_a_line_added_by_hand_has_no_key() -> None:
    """Someone's own line shows as one, so that a comparison can object to it."""
    answer = {"id": "il_1", "amount": -5, "currency": "usd", "metadata": {}}
    assert wire.line_of(stripe.InvoiceLineItem.construct_from(answer, None)) == ("", Decimal("-0.05"))
