"""Recipients: what is kept of a number."""

from __future__ import annotations

import phonenumbers
import pytest

from tests.providers.samples import HASHER
from tollgate.providers.recipients import keyed_hasher, recipient

# number → prefix, country
NUMBERS: list[tuple[str, str, str]] = [
    ("254712345678", "2547", "KE"),
    ("+254712345678", "2547", "KE"),
    ("14255550156", "1425", "US"),
    ("16045550123", "1604", "CA"),
    ("77015551234", "7701", "KZ"),
    ("74955551234", "7495", "RU"),
    ("12425551234", "1242", "BS"),
    ("15550783881", "1555", ""),
    ("80012345678", "8001", ""),
    ("99999999999", "9999", ""),
    ("0712345678", "", ""),
    ("12345", "", ""),
    ("1" * 16, "", ""),
    ("a-group@g.us", "", ""),
    ("", "", ""),
]


@pytest.mark.parametrize(("number", "prefix", "country"), NUMBERS)
def test_a_number_gives_four_digits_and_its_region(number: str, prefix: str, country: str) -> None:
    """Countries that share a calling code are told apart; what is no E.164 number gives neither prefix nor region."""
    kept = recipient(number, hasher=HASHER)
    assert (kept.prefix, kept.country) == (prefix, country)


@pytest.mark.parametrize("spelling", ["254712345678", "+254712345678", "+254 712-345.678", "(254) 712 345 678"])
def test_the_hash_does_not_depend_on_the_spelling(spelling: str) -> None:
    """The digits are hashed."""
    assert recipient(spelling, hasher=HASHER).hash == HASHER("254712345678")


# user ids, the provider's country → country of +254712345678
COUNTRIES: list[tuple[tuple[str, ...], str, str]] = [
    ((), "", "KE"),
    (("TZ.123",), "", "TZ"),
    (("", "US.ENT.123"), "", "US"),
    (("TZ.123", "US.ENT.123"), "", "TZ"),
    (("TZ.123",), "UG", "UG"),
    (("TZ",), "", "KE"),
    (("tz.1",), "uganda", "KE"),
]


@pytest.mark.parametrize(("user_ids", "country", "kept"), COUNTRIES)
def test_a_named_country_beats_the_number(user_ids: tuple[str, ...], country: str, kept: str) -> None:
    """The provider's country, then the user id's, then the number's."""
    assert recipient("254712345678", user_ids=user_ids, country=country, hasher=HASHER).country == kept


def test_the_hash_prefers_the_number_over_the_user_id() -> None:
    """The same person is the same hash whether or not a receipt also gives the user id."""
    assert recipient("254712345678", user_ids=("KE.1",), hasher=HASHER).hash == HASHER("254712345678")
    assert recipient("", user_ids=("KE.1", "KE.ENT.2"), hasher=HASHER).hash == HASHER("KE.1")
    assert recipient("", user_ids=("", "KE.ENT.2"), hasher=HASHER).hash == HASHER("KE.ENT.2")
    assert recipient("", hasher=HASHER).hash == ""


def test_the_hash_is_keyed() -> None:
    """HMAC-SHA256 (RFC 4231, test case 2), cut to 32 hex digits; another key gives another hash."""
    assert keyed_hasher(b"Jefe")("what do ya want for nothing?") == "5bdcc146bf60754e6a042426089575c7"
    assert keyed_hasher(b"other")("254712345678") != keyed_hasher(b"key")("254712345678")


def test_an_empty_key_is_refused() -> None:
    """A hash that anyone can compute hides nothing."""
    with pytest.raises(ValueError, match="empty"):
        keyed_hasher(b"")


SHARING = [regions for regions in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.values() if len(regions) > 1]


@pytest.mark.parametrize("regions", SHARING, ids="-".join)
def test_the_region_is_the_one_that_parsing_the_number_finds(regions: tuple[str, ...]) -> None:
    """A number is not parsed where that is not needed: an example of each kind, of each country that shares its
    calling code, has the region that it would have had."""
    kinds = phonenumbers.PhoneNumberType.values()
    found = [phonenumbers.example_number_for_type(region, kind) for region in regions for kind in kinds]
    for number in (f"{one.country_code}{phonenumbers.national_significant_number(one)}" for one in found if one):
        expected = phonenumbers.region_code_for_number(phonenumbers.parse(f"+{number}"))
        assert recipient(number, hasher=HASHER).country == (expected or "")


@pytest.mark.parametrize(
    ("number", "country"), [("4407400123456", "GB"), ("390612345678", "IT"), ("39066981234", "VA")]
)
def test_a_zero_in_front_of_a_number_is_understood(number: str, country: str) -> None:
    """A trunk prefix that was left in is passed over; in Italy the zero is part of the number."""
    assert recipient(number, hasher=HASHER).country == country
