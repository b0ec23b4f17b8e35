"""Every mail, word for word: a change of wording, look or numbers shows as a difference of files."""

from pathlib import Path

import pytest

from local.mails import samples
from tollgate.domain.notices import AUDIENCE
from tollgate.mails.render import KINDS
from tollgate.mails.wording import CATALOGUES

GOLDEN = Path(__file__).parent / "golden"
SAMPLES = samples()


def texts(name: str) -> dict[str, str]:
    """The files of a sample: headers and text in one, HTML in the other."""
    mail = SAMPLES[name]
    return {
        f"{name}.txt": f"To: {', '.join(mail.to)}\nSubject: {mail.subject}\n\n{mail.text}",
        f"{name}.html": mail.html,
    }


@pytest.mark.parametrize("name", SAMPLES)
def test_a_mail_reads_as_its_golden_files(name: str, *, writes_golden: bool) -> None:
    """To the letter, as text and as HTML."""
    for file, text in texts(name).items():
        if writes_golden:
            (GOLDEN / file).write_text(text, encoding="utf-8")
        assert (GOLDEN / file).read_text(encoding="utf-8") == text


def test_there_are_golden_files_of_exactly_the_samples() -> None:
    """A sample that was renamed leaves none behind."""
    assert {path.name for path in GOLDEN.iterdir()} == {file for name in SAMPLES for file in texts(name)}


def test_the_samples_show_every_kind_in_every_language() -> None:
    """What nobody has looked at is sent to nobody."""
    assert set(KINDS) == set(AUDIENCE)
    for language in sorted(path.stem for path in CATALOGUES.glob("*.toml")):
        suffix = "" if language == "en" else f".{language}"
        for kind in KINDS:
            shown = [name for name in SAMPLES if name.startswith(kind) and name.endswith(suffix)]
            assert any(f'<html lang="{language}">' in SAMPLES[name].html for name in shown), (language, kind)
