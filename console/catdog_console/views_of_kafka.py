"""What pages are told of a model's Kafka: its topics, what comes in them, and what became of a photo."""

from datetime import datetime

import msgspec

from catdog_client.comparing import VersionAnswer
from catdog_client.dead_letter import DeadLetter
from catdog_client.seen import Seen
from catdog_common.messages import Source


class ModelTopics(msgspec.Struct, frozen=True):
    """Which model it is, and its topics; `catdog_console.topics.read_topics` makes it of a resource."""

    namespace: str
    name: str
    servers: str | None  # None: the model does not say (yet)
    input: str
    output: str
    dead_letters: str
    shadow: str | None  # None: no version answers beside
    max_image_bytes: int


class Shown(msgspec.Struct, frozen=True):
    """An answer or a dead letter of the strip."""

    seen: Seen
    thumbnail: (
        str | None
    )  # a name for `Traffic.thumbnail`, of letters, digits and dashes; None: there is no picture


class Rates(msgspec.Struct, frozen=True):
    """What came, shown or not; a second's figures are means of the last ten seconds."""

    since: datetime | None  # from when it was counted, UTC; None: not yet
    per_second: dict[str, float]  # by label: cat, dog, unknown, and "dead letter"
    answers: int  # since then
    dead_letters: int  # since then
    not_shown: int  # of both, since then: more came than one can look at


class Frame(msgspec.Struct, frozen=True):
    """The strip as it is at one moment, as a whole: who missed the one before has lost nothing."""

    shown: tuple[Shown, ...]  # newest first
    rates: Rates
    trouble: str | None = None  # a sentence: why nothing can come, and what to do; None: we listen


class ShownLetter(msgspec.Struct, frozen=True):
    """A dead letter of the list."""

    letter: DeadLetter
    thumbnail: str | None = None  # as of Shown


class LetterFile(msgspec.Struct, frozen=True):
    """The bytes of a dead letter, whatever they are: to be handed out as an attachment only."""

    name: str  # safe for a file system; of any script
    content: bytes


class Asked(msgspec.Struct, frozen=True):
    """What became of a photo that went through Kafka: an answer, or why there is none, or neither yet."""

    id: str  # as `Traffic.await_answer` takes it; "" where it was not sent
    place: Source | None = None  # where the photo lies; None: it was not sent
    answer: VersionAnswer | None = None
    milliseconds: int | None = None  # from before it was sent until the answer was here
    error: str | None = None  # a sentence: why it will have no answer, and what to do
    shadow: VersionAnswer | None = None  # the shadow's, where there is one and it has answered

    @property
    def waits(self) -> bool:
        """Whether it may be answered yet (no worker runs, say)."""
        return self.answer is None and self.error is None
