"""The strip of answers as they come: a few of them with their pictures, and how many there were."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import datetime

from catdog_client.seen import Seen
from catdog_common.artifact import LABELS, UNKNOWN
from catdog_console.views_of_kafka import Frame, Rates, Shown

SHOWN = 12
PERIOD_SECONDS = 0.25  # from one that is shown to the next, and between frames
DEAD_LETTER = "dead letter"
_WAITING = 8  # to be shown; where more come, the oldest of them are not
_MEAN_SECONDS = 10
_KNOWN = frozenset(
    {*LABELS, UNKNOWN}
)  # others could be many: whoever may write an answer may write any label

Picture = Callable[[Seen], Awaitable[str | None]]


class Strip:
    """What came for a model since we listen, and the newest of it."""

    def __init__(self, clock: Callable[[], float], now: Callable[[], datetime]) -> None:
        """Take a clock in seconds that never goes back, and the time of day in UTC."""
        self._clock, self._now = clock, now
        self._shown = deque[Shown](maxlen=SHOWN)
        self._waiting = deque[Seen]()
        self._counts = _Counts()
        self._since: datetime | None = None
        self._trouble: str | None = None
        self.frame = Frame((), self.rates())
        self._changed = asyncio.Event()

    def begin(self) -> None:
        """Count from now on: we listen, and may have missed what came before."""
        self._counts, self._since, self._trouble = _Counts(self._clock()), self._now(), None
        self._publish()

    def fail(self, trouble: str) -> None:
        """Say why nothing can come."""
        self._trouble = trouble
        self._publish()

    def recover(self) -> None:
        """Say that it can come again, and that nothing was missed."""
        self._trouble = None
        self._publish()

    def take(self, seen: Seen) -> None:
        """Take what came."""
        self._counts.count(seen, self._clock())
        self._waiting.append(seen)
        if len(self._waiting) > _WAITING:
            self._waiting.popleft()
            self._counts.not_shown += 1

    async def run(self, picture: Picture) -> None:
        """Show what came, each with its picture, without end; no more than one a period."""
        while True:
            if self._waiting:
                seen = self._waiting.popleft()
                self._shown.appendleft(Shown(seen, await picture(seen)))
            self._publish()
            await asyncio.sleep(PERIOD_SECONDS)

    async def frames(self) -> AsyncGenerator[Frame, None]:
        """Yield the strip as it is, and each time it has changed since; the frames are the same for all."""
        while True:
            changed = self._changed
            yield self.frame
            await changed.wait()

    def _publish(self) -> None:
        frame = Frame(tuple(self._shown), self.rates(), self._trouble)
        if frame != self.frame:
            self.frame = frame
            self._changed.set()
            self._changed = asyncio.Event()

    def rates(self) -> Rates:
        """Return what came so far, and how much of it lately."""
        counts = self._counts
        return Rates(
            since=self._since,
            per_second=counts.per_second(self._clock()),
            answers=counts.answers,
            dead_letters=counts.dead_letters,
            not_shown=counts.not_shown,
        )


class _Counts:
    """What came since `start`, in all and by label in each of the last seconds."""

    def __init__(self, start: float = 0.0) -> None:
        self._start = start
        self._seconds = deque[tuple[int, Counter[str]]]()
        self.answers = self.dead_letters = self.not_shown = 0

    def count(self, seen: Seen, time: float) -> None:
        label = DEAD_LETTER if seen.kind == "DeadLetter" else str(seen.label)
        self.dead_letters += label == DEAD_LETTER
        self.answers += label != DEAD_LETTER
        second = int(time)
        if not self._seconds or self._seconds[-1][0] != second:
            self._seconds.append((second, Counter()))
        self._seconds[-1][1][label if label in _KNOWN or label == DEAD_LETTER else "other"] += 1
        self._forget(second)

    def per_second(self, time: float) -> dict[str, float]:
        """Return the means over the whole seconds that are past; what did not come is 0, dead letters too."""
        second = int(time)
        self._forget(second)
        total = sum((counts for when, counts in self._seconds if when < second), Counter[str]())
        over = max(1, min(_MEAN_SECONDS, second - int(self._start)))
        return {label: round(total[label] / over, 1) for label in (*LABELS, UNKNOWN, DEAD_LETTER)}

    def _forget(self, second: int) -> None:
        while self._seconds and self._seconds[0][0] < second - _MEAN_SECONDS:
            self._seconds.popleft()
