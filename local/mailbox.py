"""Keeps every mail the local system sends as files a person can open.

Each mail becomes ``NNN-<to>-<subject>.{html,txt,eml}`` in one folder, once: its message id is remembered beside the
files, so numbers never move, not even over a restart. ``index.html`` lists them, newest first.
"""

import html
import json
import re
import urllib.request
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Any

SEEN = ".seen.json"


@dataclass(frozen=True, kw_only=True)
class Mail:
    """One mail as the local AWS reports it."""

    message_id: str
    source: str
    to: tuple[str, ...]
    cc: tuple[str, ...]
    subject: str
    text: str
    html: str
    sent_at: datetime


def list_url(aws_endpoint: str) -> str:
    """Where the local AWS lists every mail sent, as JSON."""
    return f"{aws_endpoint}/_ministack/ses/messages"


def fetch(aws_endpoint: str) -> list[Mail]:
    """All mails the local AWS remembers, oldest first. Raises OSError when it does not answer."""
    with urllib.request.urlopen(list_url(aws_endpoint), timeout=10) as answer:
        accounts: dict[str, list[dict[str, Any]]] = json.load(answer)["messages"]
    mails = [_mail(row) for rows in accounts.values() for row in rows]
    return sorted(mails, key=lambda mail: mail.sent_at)


def _mail(row: dict[str, Any]) -> Mail:
    return Mail(
        message_id=row["MessageId"],
        source=row.get("Source") or "",
        to=tuple(row.get("To") or ()),
        cc=tuple(row.get("CC") or ()),
        subject=row.get("Subject") or "",
        text=row.get("BodyText") or "",
        html=row.get("BodyHtml") or "",
        sent_at=datetime.fromtimestamp(float(row["Timestamp"]), UTC),
    )


def slug(text: str, longest: int = 60) -> str:
    """The text in lower-case letters, digits and hyphens, fit for a file name."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:longest].rstrip("-") or "none"


def file_stem(number: int, mail: Mail) -> str:
    """``007-ap-acme-example-your-invoice-for-july``."""
    recipient = mail.to[0] if mail.to else ""
    return f"{number:03d}-{slug(recipient)}-{slug(mail.subject)}"


def as_eml(mail: Mail) -> bytes:
    """The mail as a message any mail program opens."""
    message = EmailMessage()
    message["Message-ID"] = f"<{mail.message_id.partition('@')[0]}@local>"
    message["Date"] = format_datetime(mail.sent_at)
    message["From"] = mail.source
    message["To"] = ", ".join(mail.to)
    if mail.cc:
        message["Cc"] = ", ".join(mail.cc)
    message["Subject"] = re.sub(r"[\r\n]+", " ", mail.subject)
    message.set_content(mail.text)
    if mail.html:
        message.add_alternative(mail.html, subtype="html")
    return message.as_bytes()


def save_new(mails: Iterable[Mail], folder: Path) -> list[Path]:
    """Write each mail not seen before; returns the stems written, as paths without a suffix."""
    folder.mkdir(parents=True, exist_ok=True)
    seen = _seen(folder)
    written = []
    for mail in mails:
        if mail.message_id in seen:
            continue
        stem = folder / file_stem(len(seen) + 1, mail)
        _write(stem, mail)
        seen[mail.message_id] = _row(stem.name, mail)
        written.append(stem)
    if written:
        (folder / SEEN).write_text(json.dumps(seen, indent=1))
        (folder / "index.html").write_text(index_page(list(seen.values())), encoding="utf-8")
    return written


def _row(stem: str, mail: Mail) -> dict[str, Any]:
    shown = f"{stem}.html" if mail.html else f"{stem}.txt"
    return {
        "stem": stem,
        "file": shown,
        "to": list(mail.to),
        "subject": mail.subject,
        "at": f"{mail.sent_at:%F %T} UTC",
    }


def saved(folder: Path) -> list[dict[str, Any]]:
    """The mails saved so far, oldest first: ``{stem, file, to, subject, at}``; ``file`` is the one to open."""
    return list(_seen(folder).values())


def _seen(folder: Path) -> dict[str, dict[str, Any]]:
    kept = folder / SEEN
    seen: dict[str, dict[str, Any]] = json.loads(kept.read_text()) if kept.exists() else {}
    return seen


def _write(stem: Path, mail: Mail) -> None:
    stem.with_name(f"{stem.name}.txt").write_text(mail.text, encoding="utf-8")
    stem.with_name(f"{stem.name}.eml").write_bytes(as_eml(mail))
    if mail.html:
        stem.with_name(f"{stem.name}.html").write_text(mail.html, encoding="utf-8")


def index_page(rows: Sequence[dict[str, Any]]) -> str:
    """A page that lists the saved mails, newest first, each linked to its files."""
    items = "\n".join(
        f"<tr><td>{html.escape(row['at'])}<td>{html.escape(', '.join(row['to']))}"
        f'<td><a href="{row["file"]}">{html.escape(row["subject"])}</a>'
        f'<td><a href="{row["stem"]}.txt">text</a> <a href="{row["stem"]}.eml">eml</a>'
        for row in reversed(rows)
    )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Mails sent locally</title>'
        "<style>body{font:15px system-ui;margin:2rem}td,th{text-align:left;padding:.3rem 1rem .3rem 0}</style>"
        f"<h1>Mails sent locally</h1><table><tr><th>Sent<th>To<th>Subject<th>Also as\n{items}</table></html>\n"
    )
