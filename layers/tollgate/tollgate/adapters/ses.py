"""The mail service: mails out, and what it reports of them.

Every mail carries its reference as tags, which come back in each report, and as a header, by which a reader can tell
that two copies are the same mail. Tags hold letters, digits, hyphens and underscores only, so values are encoded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from tollgate.adapters.aws_errors import translated
from tollgate.domain.errors import RetryLater
from tollgate.stages.ports.mail import Mail

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client

HEADER: Final = "X-Tollgate-Reference"

# What is wrong with the mail itself. Anything else (paused, unverified, no permission, over a quota) is ours to repair,
# and the mail can go out afterwards.
_ABOUT_THE_MAIL: Final = frozenset({"MessageRejected", "BadRequestException"})
_UNVERIFIED: Final = "not verified"


class SesMailer:
    """Implements Mailer with SES v2. ``configuration_set`` may be empty; nothing is reported of mails without one."""

    def __init__(self, ses: SESV2Client, *, sender: str, configuration_set: str) -> None:
        self._ses, self._sender, self._configuration_set = ses, sender, configuration_set

    def send(self, mail: Mail) -> str:
        """Hand a mail over; returns SES's message id. Raises RetryLater, or Refused for a mail it will never take."""
        with translated("mail service"), _ours_to_repair():
            answer = self._ses.send_email(**self._request(mail))
        return answer["MessageId"]

    def _request(self, mail: Mail) -> Any:
        tags = encoded(mail.reference)
        request = {
            "FromEmailAddress": self._sender,
            "Destination": {"ToAddresses": list(mail.to)},
            "Content": {
                "Simple": {
                    "Subject": _utf8(mail.subject),
                    "Body": {"Text": _utf8(mail.text), "Html": _utf8(mail.html)},
                    "Headers": [{"Name": HEADER, "Value": "; ".join(f"{k}={v}" for k, v in tags.items())}],
                }
            },
            "EmailTags": [{"Name": name, "Value": value} for name, value in tags.items()],
        }
        return request | ({"ConfigurationSetName": self._configuration_set} if self._configuration_set else {})


def _utf8(text: str) -> dict[str, str]:
    return {"Data": text, "Charset": "UTF-8"}


@contextmanager
def _ours_to_repair() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        said = error.response.get("Error", {})
        code, message = said.get("Code", ""), said.get("Message", "")
        if code not in _ABOUT_THE_MAIL or _UNVERIFIED in message:
            raise RetryLater(f"mail service: {code}") from error
        raise


def encoded(reference: Mapping[str, str]) -> dict[str, str]:
    """A reference as tags: each byte of a value that a tag cannot hold becomes ``_`` and its two hex digits."""
    return {name: "".join(map(_encoded, value.encode())) for name, value in reference.items()}


def _encoded(byte: int) -> str:
    character = chr(byte)
    return character if character.isascii() and (character.isalnum() or character == "-") else f"_{byte:02X}"


def decoded(value: str) -> str:
    """The value of a tag as it was before encoding. Raises ValueError for bytes that are no text."""
    raw = re.sub(rb"_([0-9A-F]{2})", lambda match: bytes([int(match[1], 16)]), value.encode())
    return raw.decode()
