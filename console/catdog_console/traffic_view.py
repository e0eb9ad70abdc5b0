"""What the pages say of what comes through Kafka: the strip, a photo's answer, dead letters. Pure."""

from collections.abc import Iterator
from urllib.parse import quote

from catdog_client.comparing import VersionAnswer
from catdog_client.errors import ClientError
from catdog_common.artifact import UNKNOWN
from catdog_common.messages import Source
from catdog_console.views_of_kafka import Asked, Frame, Rates, Shown, ShownLetter
from catdog_console.written import View, clock, counted

_SHORT = 40  # characters of an id that are shown


class StripItem(View, frozen=True):
    """One answer or dead letter."""

    key: str  # the place of its record, so that it is shown once
    tone: str
    title: str
    details: str
    time: str
    picture: str | None
    words: str  # of the picture


class StripView(View, frozen=True):
    """The strip at one moment."""

    items: tuple[StripItem, ...]
    rates: str
    trouble: str | None


class Bar(View, frozen=True):
    """A probability."""

    label: str
    value: float
    text: str


class Column(View, frozen=True):
    """What one version answers."""

    heading: str
    label: str
    bars: tuple[Bar, ...]
    note: str
    trouble: str | None = None


class AnswerView(View, frozen=True):
    """What became of a photo."""

    words: str  # one sentence, which is read aloud
    columns: tuple[Column, ...]
    again: str | None  # where to look whether it is answered now


class LetterRow(View, frozen=True):
    """A dead letter."""

    id: str
    reason: str
    message: str
    time: str
    size: str
    place: str
    source: str
    picture: str | None
    url: str | None  # of its bytes; None: they are not there


def view_frame(url: str, frame: Frame) -> StripView:
    """Return the strip of the model at `url`."""
    return StripView(tuple(_item(url, each) for each in frame.shown), _rates(frame.rates), frame.trouble)


def view_asked(url: str, asked: Asked, beside: Column | None = None) -> AnswerView:
    """Return what became of a photo that was sent to the model at `url`."""
    columns = (*_asked_columns(asked), *([beside] if beside else []))
    return AnswerView(_sentence(asked), columns, f"{url}/photos/{quote(asked.id)}" if asked.waits else None)


def view_computed(version: int, answer: VersionAnswer | ClientError) -> Column:
    """Return what a version says whose answer was computed in the console."""
    heading = f"Version {version}"
    if isinstance(answer, ClientError):
        return Column(heading, "", (), "", trouble=f"{_capital(str(answer))}.")
    note = "Computed in the console by this version's own files; it did not go through Kafka."
    return Column(heading, answer.label, _bars(answer), note)


def view_letter(url: str, shown: ShownLetter) -> LetterRow:
    """Return a row of the table of dead letters."""
    letter = shown.letter
    return LetterRow(
        id=letter.id or letter.key or "",
        reason=letter.reason,
        message=letter.message,
        time=letter.time,
        size="gone" if letter.size is None else size_words(letter.size),
        place=f"{letter.topic}/{letter.partition}/{letter.offset}",
        source=_place(letter.source) if letter.source else "",
        picture=_picture(url, shown.thumbnail),
        url=None if letter.size is None else f"{url}/dead-letters/{letter.partition}/{letter.offset}",
    )


def size_words(size: int) -> str:
    """Return a number of bytes for people."""
    if size < 1024:
        return f"{size} bytes"
    return f"{size / 1024:.0f} KiB" if size < 1024 * 1024 else f"{size / 1024 / 1024:.1f} MiB"


def _item(url: str, shown: Shown) -> StripItem:
    seen, picture = shown.seen, _picture(url, shown.thumbnail)
    key = f"{seen.topic}/{seen.partition}/{seen.offset}"
    if seen.kind == "Answer":
        chance = _chance(seen.label or "", seen.probabilities or {})
        title, tone = f"{seen.label}{f' {chance}' if chance else ''}", "plain"
        details = f"version {seen.version}, id {_short(seen.id)}"
        if seen.label == UNKNOWN:
            tone = "warn"
    else:
        title, tone = ("Dead letter" if seen.kind == "DeadLetter" else "No answer"), "bad"
        details = f"{seen.reason + ': ' if seen.reason else ''}{seen.message or ''}"
    return StripItem(key, tone, title, details, seen.time, picture, f"photo answered {title}")


def _rates(rates: Rates) -> str:
    if rates.since is None:
        return "Nothing was counted yet."
    by_label = ", ".join(f"{label} {value:.1f}" for label, value in sorted(rates.per_second.items()) if value)
    return (
        f"A second: {by_label or 'nothing'}. Since {clock(rates.since)}: {counted(rates.answers, 'answer')}, "
        f"{counted(rates.dead_letters, 'dead letter')}"
        + (f"; {rates.not_shown} of them came too fast to be shown." if rates.not_shown else ".")
    )


def _asked_columns(asked: Asked) -> Iterator[Column]:
    if asked.answer is not None:
        took = f" in {asked.milliseconds} ms" if asked.milliseconds is not None else ""
        place = f"; the photo lies at {_place(asked.place)}" if asked.place else ""
        heading = f"Version {asked.answer.version}, which serves"
        note = f"Answered through Kafka{took}{place}."
        yield Column(heading, asked.answer.label, _bars(asked.answer), note)
    if asked.shadow is not None:
        heading = f"Version {asked.shadow.version}, the shadow"
        yield Column(
            heading, asked.shadow.label, _bars(asked.shadow), "Answered through Kafka, into its own topic."
        )


def _sentence(asked: Asked) -> str:
    if asked.error is not None:
        return _capital(asked.error) + ("" if asked.error.endswith(".") else ".")
    if asked.answer is None:
        return "The photo was sent and is not answered yet: no worker may be running, or many photos wait."
    answer = asked.answer
    chance = _chance(answer.label, answer.probabilities)
    says = f"unknown: neither {_either(answer)}" if answer.label == UNKNOWN else answer.label
    return f"Version {answer.version} says {says}{f', {chance}' if chance else ''}."


def _either(answer: VersionAnswer) -> str:
    return " nor ".join(answer.probabilities)


def _chance(label: str, probabilities: dict[str, float]) -> str:
    return _percent(probabilities[label]) if label in probabilities else ""


def _bars(answer: VersionAnswer) -> tuple[Bar, ...]:
    return tuple(Bar(label, value, _percent(value)) for label, value in answer.probabilities.items())


def _percent(value: float) -> str:
    return f"{value:.1%}"


def _picture(url: str, thumbnail: str | None) -> str | None:
    return None if thumbnail is None else f"{url}/pictures/{quote(thumbnail)}.jpg"


def _place(source: Source) -> str:
    return f"{source.topic}/{source.partition}/{source.offset}"


def _short(text: str) -> str:
    return text if len(text) <= _SHORT else f"{text[: _SHORT - 1]}…"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
