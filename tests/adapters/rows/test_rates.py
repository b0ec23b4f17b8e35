"""RateRows, in memory and in the real tables. Cards are named after the test's tenant; exchange rates have years."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

from tests.domain.examples import CARD, MARKETS, NOON, D
from tests.fakes.rows import Rows
from tollgate.domain.rates import FxDay, MarketMap, RateCard, TierReached

type Processes = Callable[[], Rows]


def card(name: str, *, on: date = CARD.effective_from, price: str = "0.0250") -> RateCard:
    return replace(CARD, card=name, effective_from=on, version=0, rates={"North America": {"marketing": D(price)}})


def markets(*, on: date, default: str = "Rest") -> MarketMap:
    return replace(MARKETS, effective_from=on, version=0, default=default)


def fx_of(rows: Rows, year: int) -> list[FxDay]:
    return [fx for fx in rows.rates.book([], fx=True).fx if fx.day.year == year]


def test_a_card_is_stored_under_the_next_version_of_its_date(rows: Rows, tenant: str) -> None:
    """Loading a date again adds a version; other dates count for themselves; all come in order."""
    march = date(2026, 3, 1)
    stored = [rows.rates.add_card(card(tenant, on=march, price=price)) for price in ("0.0300", "0.0310")]
    stored.insert(0, rows.rates.add_card(card(tenant)))
    assert [(one.effective_from, one.version) for one in stored] == [(CARD.effective_from, 1), (march, 1), (march, 2)]
    assert rows.rates.book([tenant], fx=False).cards == {tenant: stored}


def test_more_than_nine_versions_stay_in_order(rows: Rows, tenant: str) -> None:
    """Versions are ordered as numbers, not as text."""
    for number in range(11):
        rows.rates.add_card(card(tenant, price=f"0.0{number}"))
    assert [one.version for one in rows.rates.book([tenant], fx=False).cards[tenant]] == list(range(1, 12))


def test_prices_keep_their_digits(rows: Rows, tenant: str) -> None:
    """A price reads back with the zeros of its file."""
    rows.rates.add_card(card(tenant, price="0.0250"))
    [stored] = rows.rates.book([tenant], fx=False).cards[tenant]
    assert str(stored.rates["North America"]["marketing"]) == "0.0250"


def test_a_card_that_was_never_loaded_is_left_out(rows: Rows, tenant: str) -> None:
    """A book of unknown cards has neither prices nor markets."""
    book = rows.rates.book([tenant], fx=False)
    assert (book.cards, book.markets, list(book.fx)) == ({}, {}, [])


def test_market_maps_have_versions_of_their_own(rows: Rows, tenant: str) -> None:
    """Maps are stored beside the cards, after the one that comes with the package."""
    rows.rates.add_card(card(tenant))
    march = date(2026, 3, 1)
    stored = [rows.rates.add_market_map(tenant, markets(on=march, default=default)) for default in ("Rest", "Else")]
    assert [one.version for one in stored] == [1, 2]
    assert rows.rates.book([tenant], fx=False).markets == {tenant: [MARKETS, *stored]}


def test_the_bundled_map_holds_only_for_a_card_that_names_its_markets(rows: Rows, tenant: str) -> None:
    """A card with markets of its own is not looked up in somebody else's map."""
    rows.rates.add_card(replace(card(tenant), rates={"Zone 1": {"voice": D("0.01")}}))
    assert rows.rates.book([tenant], fx=False).markets == {}


def test_exchange_rates_are_replaced_by_their_day_and_come_in_order(rows: Rows, tenant: str) -> None:
    """A day loaded again says what it said last; a file's double day counts once; years follow each other."""
    days = [
        FxDay(date(2019, 12, 31), "ecb", {"USD": D("1.1200")}),
        FxDay(date(2020, 1, 2), "ecb", {"USD": D("1.1193")}),
    ]
    corrected = FxDay(date(2020, 1, 2), "ecb", {"USD": D("1.1194"), "JPY": D("121.75")})
    assert rows.rates.add_fx([days[1], days[0]]) == 2
    assert rows.rates.add_fx([days[1], corrected]) == 1
    assert fx_of(rows, 2019) + fx_of(rows, 2020) == [days[0], corrected]
    found = [fx.day for fx in rows.rates.book([], fx=True).fx]
    assert found == sorted(found)


def test_a_sellers_rates_stand_beside_the_published_ones_of_their_day(rows: Rows, tenant: str) -> None:
    """Neither replaces the other, in whichever order and however often they are loaded."""
    published = FxDay(date(2016, 10, 3), "ecb", {"USD": D("1.1236"), "INR": D("74.8")})
    sellers = [FxDay(date(2016, 10, 3), name, {"USD": D("0.0115"), "INR": D(1)}) for name in ("one", "two")]
    assert rows.rates.add_fx([sellers[0], published, sellers[1]]) == 3
    assert rows.rates.add_fx([replace(sellers[1], per_euro={"USD": D("0.0116"), "INR": D(1)})]) == 1
    found = {fx.source: fx.per_euro["USD"] for fx in fx_of(rows, 2016)}
    assert found == {"ecb": D("1.1236"), "one": D("0.0115"), "two": D("0.0116")}


def test_no_exchange_rates_are_read_unless_asked_for(rows: Rows, tenant: str) -> None:
    """Most batches know one currency; adding no rates is no error."""
    rows.rates.add_fx([FxDay(date(2018, 5, 2), "ecb", {"USD": D("1.2007")})])
    assert rows.rates.add_fx([]) == 0
    assert list(rows.rates.book([], fx=False).fx) == []


def test_what_one_process_loads_another_prices_with(processes: Processes, tenant: str) -> None:
    """A process that has read cards, maps and rates before sees the new ones at its next book."""
    mine, theirs = processes(), processes()
    first = theirs.rates.add_card(card(tenant))
    theirs.rates.add_fx([FxDay(date(2017, 5, 2), "ecb", {"USD": D("1.0915")})])
    assert mine.rates.book([tenant], fx=True).cards == {tenant: [first]}
    second = theirs.rates.add_card(card(tenant, price="0.0500"))
    loaded = theirs.rates.add_market_map(tenant, markets(on=date(2026, 4, 1)))
    corrected = FxDay(date(2017, 5, 2), "ecb", {"USD": D("1.0999")})
    theirs.rates.add_fx([corrected])
    book = mine.rates.book([tenant], fx=True)
    assert (book.cards, book.markets) == ({tenant: [first, second]}, {tenant: [MARKETS, loaded]})
    assert fx_of(mine, 2017) == [corrected]


def test_two_processes_never_take_the_same_version(processes: Processes, tenant: str) -> None:
    """Whoever comes second takes the next version, whatever it had read before."""
    mine, theirs = processes(), processes()
    mine.rates.book([tenant], fx=False)
    theirs.rates.add_card(card(tenant))
    assert mine.rates.add_card(card(tenant, price="0.0500")).version == 2


def tier_of(tenant: str, count: int = 1_001, *, seconds: int = 0) -> TierReached:
    at = NOON + timedelta(seconds=seconds)
    return TierReached(
        account=tenant, month=date(2026, 3, 1), market="Rest of Africa", category="utility", count=count, at=at
    )


def test_a_tier_is_kept_with_the_smallest_time_it_was_told(rows: Rows, tenant: str) -> None:
    """In any order; another tier, market or month is another row, and another account's are not asked for."""
    told = [tier_of(tenant, seconds=5), tier_of(tenant, seconds=2), tier_of(tenant, seconds=9)]
    further = [tier_of(tenant, 100_001), replace(tier_of(tenant), market="A#B"), tier_of(f"{tenant}-other")]
    for tier in (*told, *further):
        rows.rates.add_tier(tier)
    assert sorted(rows.rates.tiers([tenant])) == sorted([told[1], *further[:2]])
    assert rows.rates.tiers([]) == []


def test_a_card_reads_back_with_its_tiers(rows: Rows, tenant: str) -> None:
    """Counts and prices, by market and category."""
    tiers = {"North America": {"utility": [(0, D("0.0250")), (1_001, D("0.0200"))]}}
    rows.rates.add_card(replace(card(tenant), tiers=tiers))
    [stored] = rows.rates.book([tenant], fx=False).cards[tenant]
    assert stored.rate("North America", "utility", count=1_001) == D("0.0200")
