"""Kafka as the console's pages see it: what is answered, what is not, and a photo's way through it."""

from collections.abc import AsyncGenerator, Callable
from typing import Self

from catdog_common.kafka_binding import KafkaLogin
from catdog_console.views_of_kafka import Asked, Frame, LetterFile, ModelTopics, ShownLetter


class Traffic:
    """All models' topics in the console's Kafka; an asynchronous context, one for the whole process.

    Errors are ClientErrors whose message is a sentence for people: Kafka does not let us in, a topic is not
    there or may not be read, the model's Kafka is another one.
    """

    def __init__(self, login: Callable[[], KafkaLogin]) -> None:
        """Take `Config.kafka_login`: it is asked anew for each connection, as files may be renewed."""
        self._login = login

    async def __aenter__(self) -> Self:
        """Begin; nothing is connected until somebody asks."""
        raise NotImplementedError

    async def __aexit__(self, *exception: object) -> None:
        """Close all connections; who follows comes to an end."""
        raise NotImplementedError

    def follow(self, topics: ModelTopics) -> AsyncGenerator[Frame, None]:
        """Yield the strip as it is, and whenever it has changed, four times a second at most, without end.

        Trouble is in the frames, and never raised. However many follow a model, one consumer reads; a slow
        follower is given the newest frame next. To be closed: `async with aclosing(traffic.follow(topics))`.
        """
        raise NotImplementedError

    def thumbnail(self, topics: ModelTopics, name: str) -> bytes | None:
        """Return a picture of the strip or of the list of dead letters: a JPEG of at most 96 pixels a side.

        They never change, and are kept for as long as they are shown, and a little longer.
        """
        raise NotImplementedError

    async def dead_letters(self, topics: ModelTopics) -> tuple[ShownLetter, ...]:
        """Return the newest dead letters of a model, newest first.

        Raises:
            ClientError: they can't be read.
        """
        raise NotImplementedError

    async def dead_letter(self, topics: ModelTopics, partition: int, offset: int) -> LetterFile | None:
        """Return the bytes of a dead letter of the model; None: none lies there (any more).

        Raises:
            ClientError: it can't be read.
        """
        raise NotImplementedError

    async def ask(self, topics: ModelTopics, photo: bytes, patience: float = 10.0) -> Asked:
        """Send a photo through Kafka, and return what became of it after at most `patience` seconds.

        Never raises ClientError: what is wrong is the `error`.
        """
        raise NotImplementedError

    async def await_answer(self, topics: ModelTopics, identity: str, patience: float) -> Asked | None:
        """Return what has become of a photo that was sent, after at most `patience` seconds.

        None: it is not known (any more): it was sent more than ten minutes ago, or not by us.
        """
        raise NotImplementedError
