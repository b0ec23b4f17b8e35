"""What is kept of a recipient: calling-code prefix, country and a keyed hash. The number itself ends here."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable
from functools import cache
from typing import Final

import phonenumbers

from tollgate.domain.facts import Recipient

type Hasher = Callable[[str], str]
"""A keyed hash of a recipient's number or user id."""

HASH_LENGTH: Final = 32
PREFIX_LENGTH: Final = 4
CALLING_CODE_LENGTHS: Final = (1, 2, 3)

# E.164 has at most 15 digits. Fewer than 7 are a short code, whose first digits would be nearly all of it.
_NUMBER: Final = re.compile(r"\+?([1-9][0-9]{6,14})")
_USER_ID: Final = re.compile(r"([A-Z]{2})\..+")
_COUNTRY: Final = re.compile(r"[A-Z]{2}")
_SEPARATORS: Final = str.maketrans("", "", " -.()")


def keyed_hasher(key: bytes) -> Hasher:
    """A hash of recipients that nobody can undo by trying all numbers: HMAC-SHA256, the first 128 bits in hex.

    Raises ValueError for an empty key.
    """
    if not key:
        raise ValueError("the recipient key is empty")
    keyed = hmac.new(key, digestmod=hashlib.sha256)

    def hasher(text: str) -> str:
        digest = keyed.copy()  # the key is taken in once, not for every recipient
        digest.update(text.encode())
        return digest.hexdigest()[:HASH_LENGTH]

    return hasher


def recipient(number: str, *, user_ids: tuple[str, ...] = (), country: str = "", hasher: Hasher) -> Recipient:
    """What is kept of a recipient.

    ``number``: a phone number with or without ``+``, or whatever else the provider names the recipient by;
    ``user_ids``: ids that begin with their country (``KE.123``, ``US.ENT.123``), the most specific one first;
    ``country``: the provider's own word for it, believed when it is an ISO code, then that of a user id, then the
    region of the number. The hash is of the number's digits, so that its spelling does not matter.
    """
    digits = _digits(number)
    identity = digits or number or next(filter(None, user_ids), "")
    known = country if _COUNTRY.fullmatch(country) else next(filter(None, map(_country_of, user_ids)), "")
    return Recipient(
        prefix=digits[:PREFIX_LENGTH],
        country=known or _region(digits),
        hash=hasher(identity) if identity else "",
    )


def _country_of(user_id: str) -> str:
    match = _USER_ID.fullmatch(user_id)
    return match[1] if match else ""


def _digits(number: str) -> str:
    match = _NUMBER.fullmatch(number) or _NUMBER.fullmatch(number.translate(_SEPARATORS))
    return match[1] if match else ""


def _region(digits: str) -> str:
    """The ISO region of a number's digits; empty when unknown. Most calling codes have only one, which needs no
    metadata to be loaded and is right for numbers that the metadata does not know yet."""
    code, regions = _calling_code(digits[: max(CALLING_CODE_LENGTHS)]) if digits else ("", ())
    region = regions[0] if len(regions) == 1 else _region_within(digits, code) if regions else ""
    return region if _COUNTRY.fullmatch(region) else ""


@cache  # at most a thousand beginnings
def _calling_code(beginning: str) -> tuple[str, tuple[str, ...]]:
    """The calling code that a number begins with, and its regions; none of either when there is no such code."""
    codes = (beginning[:length] for length in CALLING_CODE_LENGTHS)
    known = phonenumbers.COUNTRY_CODE_TO_REGION_CODE
    return next(((code, known[int(code)]) for code in codes if int(code) in known), ("", ()))


def _region_within(digits: str, code: str) -> str:
    """The region of a number whose calling code several countries share. A number as E.164 has it need not be parsed,
    which takes as long as finding its region does; one with a zero in front may have a trunk prefix, or be Italian."""
    national = digits[len(code) :]
    if not national.startswith("0"):
        number = phonenumbers.PhoneNumber(country_code=int(code), national_number=int(national))
        return phonenumbers.region_code_for_number(number) or ""
    try:
        return phonenumbers.region_code_for_number(phonenumbers.parse(f"+{digits}")) or ""
    except phonenumbers.NumberParseException:
        return ""
