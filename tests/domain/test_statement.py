"""Statements by hand: what is free, what the message that crosses the allowance costs, where late usage comes out."""

from __future__ import annotations

import pytest

from tests.domain.examples import TERM_START, D, contract
from tests.domain.tiny_books import MARKETING, SMS, UTILITY, TinyBooks, billing
from tollgate.domain.contract import Contract
from tollgate.domain.statement import Statement, billable, billed_meters, describe
from tollgate.domain.usage import Cell

APPROVED = {"by": "Jo Doe", "document": "SO-17"}


def lines(statement: Statement) -> list[tuple[str, int, str]]:
    return [(line.key, line.quantity, str(line.amount)) for line in statement.lines]


def changed(included: str | None, *, since: str, beyond: str = "bill") -> Contract:
    rule = {"measure": "fees", "included": included, "beyond": beyond} if included else None
    document = billing().document() | {"allowances": {"whatsapp": rule}, "from": since, "approval": APPROVED}
    return Contract.model_validate(document)


@pytest.mark.parametrize(
    ("beyond", "fees", "billed"),
    [
        ("bill", "0", "0"),
        ("bill", "999.9999", "0"),
        ("bill", "1000.00", "0"),  # exactly the allowance is free
        ("bill", "1000.0001", "0.0001"),
        ("bill", "1234.5678", "234.5678"),
        ("bill-all", "1000.00", "0"),
        ("bill-all", "1000.0001", "1000.0001"),  # one fraction above, and all of it is billed
    ],
)
def test_the_allowance_is_free_to_the_last_fraction_of_a_cent(beyond: str, fees: str, billed: str) -> None:
    """What is billable is exact: nothing up to the allowance; beyond it the part above, or all."""
    assert billable(billing(beyond=beyond).allowances["whatsapp"], D(fees)) == D(billed)


@pytest.mark.parametrize(
    ("fees", "kind", "total"),
    [
        ("1000.00", "nil", "0.00"),
        ("1000.0049", "nil", "0.00"),
        ("1000.005", "carried", "0.00"),
        ("1000.4949", "carried", "0.00"),
        ("1000.495", "draft", "0.50"),
        ("1234.565", "draft", "234.57"),
    ],
)
def test_a_first_statement_by_its_fees(fees: str, kind: str, total: str) -> None:
    """Nothing above the allowance is nil, less than the minimum charge is carried, half a cent rounds up."""
    books = TinyBooks([billing()])
    books.know("2026-01-20", fees)
    statement = books.close()
    assert (statement.kind, str(statement.total)) == (kind, total)


def test_the_message_that_crosses_the_allowance_is_split() -> None:
    """Of a message of 2.0250 with 1.0100 left free, exactly 1.0150 is billed."""
    books = TinyBooks([billing()])
    books.know("2026-01-20", "998.9900", messages=39_960)
    free = books.close()
    assert (free.kind, lines(free)) == (
        "nil",
        [("marketing/North America", 39_960, "998.99"), ("allowance/whatsapp", 1, "-998.99")],
    )
    books.know("2026-02-03", "2.0250")
    crossing = books.close()
    assert (crossing.kind, str(crossing.total), crossing.stated) == ("draft", "1.02", D("1.02"))
    assert lines(crossing) == [("marketing/North America", 1, "2.03"), ("allowance/whatsapp", 1, "-1.01")]
    assert crossing.lines[1].description == "Included in the contract year (USD 1000.00)"


def test_fractions_add_up_over_the_year_and_are_rounded_once() -> None:
    """Three months of 0.334 above the allowance come to 1.00, not to 0.99."""
    books = TinyBooks([billing("10.00")])
    for day, fees in [("2026-01-20", "10.334"), ("2026-02-10", "0.334"), ("2026-03-10", "0.334")]:
        books.know(day, fees)
    assert [str(statement.stated) for statement in books.close_all(3)] == ["0.33", "0.34", "0.33"]


def test_late_usage_comes_out_on_the_next_statement() -> None:
    """A January message that becomes known in February is a line of its own, named by its month."""
    books = TinyBooks([billing()])
    books.know("2026-01-20", "1200")
    assert str(books.close().total) == "200.00"
    books.know("2026-02-10", "50", cell=UTILITY)
    books.know("2026-01-31", "10.004", messages=3)
    late = books.close()
    assert lines(late) == [("utility/India", 1, "50.00"), ("adjustment/whatsapp/2026-01-15", 3, "10.00")]
    assert (late.lines[1].description, str(late.total)) == (
        "Late and corrected WhatsApp usage of January 2026",
        "60.00",
    )
    assert books.close().kind == "nil"


def test_usage_after_the_period_waits_for_its_own_statement() -> None:
    """What is known of the next period when this one is closed is not on it."""
    books = TinyBooks([billing("1.00")])
    books.know("2026-01-31", "3")
    books.know("2026-02-01", "5")
    assert [str(statement.total) for statement in books.close_all(2)] == ["2.00", "5.00"]


def test_a_correction_downwards_is_carried_until_it_is_used_up() -> None:
    """A credit is never sent: it is brought forward until usage outweighs it."""
    books = TinyBooks([billing("1.00")])
    books.know("2026-01-20", "11.00")
    assert str(books.close().total) == "10.00"
    books.know("2026-01-20", "-8.00", messages=-2)
    credit = books.close()
    assert (credit.kind, str(credit.total), credit.stated) == ("carried", "0.00", D("-8.00"))
    assert lines(credit) == [("adjustment/whatsapp/2026-01-15", -2, "-8.00"), ("carried-forward", 1, "8.00")]
    books.know("2026-03-02", "9.25")
    charged = books.close()
    assert lines(charged) == [("marketing/North America", 1, "9.25"), ("brought-forward", 1, "-8.00")]
    assert str(charged.total) == "1.25"
    assert books.close().kind == "nil"


@pytest.mark.parametrize(
    ("fees", "allowance"),
    [
        ("-0.40", ("0.40", "Less used of what is included in the contract year (USD 1.00)")),  # free before and after
        ("-3.50", ("0.50", "Less used of what is included in the contract year (USD 1.00)")),  # back below it
    ],
)
def test_a_correction_within_the_allowance_says_so(fees: str, allowance: tuple[str, str]) -> None:
    """What a correction takes off free usage is put back by the allowance, without claiming that it is exceeded."""
    books = TinyBooks([billing("1.00")])
    books.know("2026-01-20", "0.60" if fees == "-0.40" else "4.00")
    books.close()
    books.know("2026-01-20", fees)
    line = next(line for line in books.close().lines if line.key == "allowance/whatsapp")
    assert (str(line.amount), line.description) == allowance


def test_all_is_billed_once_the_allowance_is_exceeded() -> None:
    """Under bill-all the free months come onto the statement of the month that exceeds, and go back when it does."""
    books = TinyBooks([billing("100.00", beyond="bill-all")])
    books.know("2026-01-20", "60")
    assert books.close().kind == "nil"
    books.know("2026-02-10", "40.01")
    exceeding = books.close()
    assert lines(exceeding) == [("marketing/North America", 1, "40.01"), ("allowance/whatsapp", 1, "60.00")]
    assert exceeding.lines[1].description == "No longer included, as USD 100.00 is exceeded"
    books.know("2026-02-10", "-0.01")
    assert [(s.kind, s.stated) for s in books.close_all(2)] == [("carried", D("-100.01")), ("carried", D("0.00"))]


@pytest.mark.parametrize(
    ("status", "totals"),
    [
        ("paid", ["10.00", "5.00", "0.00"]),
        ("open", ["10.00", "5.00", "0.00"]),
        ("uncollectible", ["10.00", "5.00", "0.00"]),  # still owed at Stripe: not asked for again
        ("void", ["10.00", "15.00", "0.00"]),  # asked for again, once
    ],
)
def test_only_a_void_invoice_is_asked_for_again(status: str, totals: list[str]) -> None:
    """What is on a void invoice is brought forward by the next statement, and by no later one."""
    books = TinyBooks([billing("1.00")])
    books.know("2026-01-20", "11.00")
    first = books.close()
    books.mark(status)
    books.know("2026-02-10", "5.00")
    second = books.close()
    brought = [line for line in lines(second) if line[0] == "brought-forward"]
    assert brought == ([("brought-forward", 1, "10.00")] if status == "void" else [])
    assert [str(statement.total) for statement in (first, second, books.close())] == totals


def test_a_void_invoice_that_brought_something_forward_brings_all_of_it_again() -> None:
    """Carried 0.30, then void with it: the third statement asks for both, the fourth for nothing."""
    books = TinyBooks([billing("1.00")])
    books.know("2026-01-20", "1.30")
    assert books.close().kind == "carried"
    books.know("2026-02-10", "2.00")
    assert str(books.close().total) == "2.30"
    books.mark("void")
    third = books.close()
    assert (lines(third), str(third.total)) == ([("brought-forward", 1, "2.30")], "2.30")
    assert books.close().kind == "nil"


@pytest.mark.parametrize(
    ("currency", "fees", "kind", "total", "first_line"),
    [
        ("JPY", "1000.4", "nil", "0", "1000"),
        ("JPY", "1099.4", "carried", "0", "1099"),
        ("JPY", "1099.5", "draft", "100", "1100"),
        ("KWD", "1000.494", "carried", "0.00", "1000.49"),
        ("KWD", "1000.495", "draft", "0.50", "1000.50"),
        ("KWD", "1005.124", "draft", "5.12", "1005.12"),
    ],
)
def test_each_currency_has_its_own_steps_and_minimum(
    currency: str, fees: str, kind: str, total: str, first_line: str
) -> None:
    """Whole yen from 100 on; dinars in steps of 0.010 from 0.500 on."""
    books = TinyBooks([billing(currency=currency)])
    books.know("2026-01-20", fees)
    statement = books.close()
    assert (statement.kind, str(statement.total), str(statement.lines[0].amount)) == (kind, total, first_line)


def test_two_billed_meters_have_lines_of_their_own() -> None:
    """Each meter has its allowance and its adjustments; no two lines share a key."""
    rule = {"measure": "fees", "included": "1.00", "beyond": "bill"}
    books = TinyBooks([contract(timezone="UTC", allowances={"whatsapp": rule, "sms": rule})])
    assert billed_meters(books.versions[0]) == ["sms", "whatsapp"]
    books.know("2026-01-20", "2.006", cell=MARKETING)
    books.know("2026-01-20", "3.006", cell=SMS)
    first = books.close()
    assert lines(first) == [
        ("sms/North America", 1, "3.01"),
        ("allowance/sms", 1, "-1.00"),
        ("marketing/North America", 1, "2.00"),
        ("allowance/whatsapp", 1, "-1.00"),
    ]
    assert str(first.total) == "3.01"  # 2.006 + 1.006 is rounded once
    books.know("2026-01-21", "4", cell=MARKETING)
    books.know("2026-01-21", "5", cell=SMS)
    second = books.close()
    assert lines(second) == [
        ("adjustment/sms/2026-01-15", 1, "5.00"),
        ("adjustment/whatsapp/2026-01-15", 1, "4.00"),
    ]
    assert second.lines[0].description == "Late and corrected SMS usage of January 2026"


def test_a_meter_that_suspends_is_never_invoiced() -> None:
    """SMS that are counted in messages have no part in a statement, whatever they cost."""
    books = TinyBooks([contract(timezone="UTC")])
    books.know("2026-01-20", "700", messages=60_000, cell=SMS)
    assert (books.close().kind, books.invoices[0].statement.lines) == ("nil", ())


def test_a_limit_raised_within_the_term_gives_back_what_it_makes_free() -> None:
    """A change holds for the whole term: of 300 billed above 1000, 200 are free under 1200."""
    books = TinyBooks([billing()])
    books.know("2026-01-20", "1300")
    assert str(books.close().total) == "300.00"
    books.change(changed("1200.00", since="2026-02-01"))
    credit = books.close()
    assert lines(credit) == [("allowance/whatsapp", 1, "-200.00"), ("carried-forward", 1, "200.00")]
    assert credit.lines[0].description == "Included in the contract year (USD 1200.00)"


def test_a_limit_lowered_within_the_term_bills_what_was_free() -> None:
    """The other way: of 900 free under 1000, 100 are billed under 800."""
    books = TinyBooks([billing()])
    books.know("2026-01-20", "900")
    books.close()
    books.change(changed("800.00", since="2026-02-01"))
    billed = books.close()
    assert lines(billed) == [("allowance/whatsapp", 1, "100.00")]
    assert billed.lines[0].description == "No longer included, as USD 800.00 is exceeded"


@pytest.mark.parametrize("withdrawn", [(None, "bill"), ("2000.00", "suspend")])
def test_a_meter_that_is_not_billed_any_more_gives_back_what_was_billed(withdrawn: tuple[str | None, str]) -> None:
    """A contract may stop billing a meter within the term; usage that was free before leaves no line."""
    included, beyond = withdrawn
    books = TinyBooks([billing()])
    books.know("2026-01-20", "1300")
    books.close()
    books.change(changed(included, since="2026-02-01", beyond=beyond))
    books.know("2026-02-10", "77")
    back = books.close()
    assert lines(back) == [
        ("adjustment/whatsapp/2026-01-15/withdrawn", 1, "-300.00"),
        ("carried-forward", 1, "300.00"),
    ]
    assert back.lines[0].description == "WhatsApp usage is not billed any more in the contract year from 2026-01-15"
    assert lines(books.close())[0] == ("brought-forward", 1, "-300.00")


def test_a_meter_that_was_free_so_far_is_withdrawn_without_a_line() -> None:
    """Nothing was billed, so there is nothing to give back."""
    books = TinyBooks([billing()])
    books.know("2026-01-20", "300")
    books.close()
    books.change(changed(None, since="2026-02-01"))
    assert books.close().lines == ()


def test_late_usage_of_an_ended_term_follows_that_terms_rule() -> None:
    """A message of the last term is charged on top of what that term came to, though the new one has usage free."""
    books = TinyBooks([billing("10.00", months=1)])
    books.know("2026-01-20", "12")
    books.know("2026-02-20", "3")
    assert [str(statement.total) for statement in books.close_all(2)] == ["2.00", "0.00"]
    books.know("2026-01-21", "4", messages=2)
    books.know("2026-02-20", "1")
    late = books.close()
    assert lines(late) == [
        ("marketing/North America", 2, "4.00"),
        ("allowance/whatsapp", 1, "-4.00"),
        ("adjustment/whatsapp/2026-01-15", 2, "4.00"),
    ]
    assert (str(late.total), late.term.isoformat()) == ("4.00", "2026-02-15")
    assert books.close().kind == "nil"


def test_late_usage_of_an_ended_term_is_free_where_that_term_has_room() -> None:
    """The allowance of an ended term has a line of its own, apart from the current term's."""
    books = TinyBooks([billing("10.00", months=1)])
    books.know("2026-01-20", "9.50")
    books.know("2026-02-20", "11")
    books.close_all(2)
    books.know("2026-01-21", "1.25")
    assert lines(books.close()) == [
        ("marketing/North America", 1, "11.00"),
        ("allowance/whatsapp", 1, "-10.00"),
        ("adjustment/whatsapp/2026-01-15", 1, "1.25"),
        ("allowance/whatsapp/2026-01-15", 1, "-0.50"),
    ]


def test_usage_that_is_corrected_away_leaves_no_line() -> None:
    """A cell that comes to nothing is no line, and nor is a month whose late usage was taken back again."""
    books = TinyBooks([billing("1.00")])
    books.know("2026-01-20", "3.00")
    books.know("2026-01-21", "2.00", cell=UTILITY)
    books.know("2026-01-22", "-2.00", messages=-1, cell=UTILITY)
    assert [key for key, _, _ in lines(books.close())] == ["marketing/North America", "allowance/whatsapp"]
    books.know("2026-01-23", "4.00")
    books.know("2026-01-23", "-4.00", messages=-1)
    assert books.close().lines == ()


def test_a_late_message_without_a_fee_is_shown_and_costs_nothing() -> None:
    """Its number is on the statement at an amount of zero."""
    books = TinyBooks([billing("1.00")])
    books.close()
    books.know("2026-01-23", "0", messages=7)
    statement = books.close()
    assert (statement.kind, lines(statement)) == ("nil", [("adjustment/whatsapp/2026-01-15", 7, "0.00")])


def test_a_statement_without_usage_is_nil() -> None:
    """A month of silence has a statement all the same: no lines, nothing to pay."""
    statement = TinyBooks([billing()]).close()
    assert (statement.kind, statement.lines, str(statement.total)) == ("nil", (), "0.00")
    assert (statement.period.start, statement.currency) == (TERM_START, "USD")


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        (MARKETING, "Marketing messages, North America"),
        (Cell("whatsapp", "authentication_international", "India"), "Authentication international messages, India"),
        (SMS, "SMS messages, North America"),
        (Cell("mms", "mms", "US"), "MMS messages, US"),
        (Cell("voice", "voice", "DE"), "Voice messages, DE"),
    ],
)
def test_usage_lines_in_words(cell: Cell, words: str) -> None:
    """Categories of WhatsApp by name, other channels by their own."""
    assert describe(cell) == words
