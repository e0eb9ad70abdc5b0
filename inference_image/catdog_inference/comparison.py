"""Compares a shadow's answers with the champion's, record by record, in bounded memory and time.

Whose answer comes first waits for the other's. What waits too long, or is the oldest of too many that wait,
is unmatched; but nothing is of those records that the shadow was never to answer: from before it began, or
skipped.
"""

from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import islice, takewhile
from time import monotonic
from typing import NamedTuple

from catdog_common.messages import Answer
from catdog_common.shadow import ShadowReport
from catdog_inference.shadow_metrics import ShadowMetrics

# What waits for its other half takes some 500 bytes, what has it some 200: 14 MB at most. A shadow is hardly
# more than 5,000 records behind (shadow.py), so there is room for what the champion is ahead with.
MOST_WAITING = 20_000
MOST_REMEMBERED = 20_000
PATIENCE_SECONDS = 900.0


class Place(NamedTuple):
    """Where a record lies in the input topic."""

    partition: int
    offset: int


class Said(NamedTuple):
    """What one of the two answered, and when we heard of it, by the clock."""

    is_champion: bool
    version: int
    label: str
    confidence: float
    at: float


class Tally:
    """What came of the records that the shadow and one champion have answered."""

    def __init__(self) -> None:
        self.records = self.agreed = 0
        self.confidence = self.champion_confidence = 0.0

    def add(self, champion: Said, challenger: Said) -> None:
        """Count a record."""
        self.records += 1
        self.agreed += champion.label == challenger.label
        self.confidence += challenger.confidence
        self.champion_confidence += champion.confidence


class Comparison:
    """Joins answers by the record that they are of; one that is repeated counts once."""

    def __init__(
        self,
        version: int,
        metrics: ShadowMetrics,
        clock: Callable[[], float] = monotonic,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        self._version = version
        self._metrics = metrics
        self._clock = clock
        self._most_waiting = most_waiting
        self._since = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        self._begins: dict[int, int] = {}  # partition → the first offset that the shadow is to answer
        # Not dicts, which take ever longer to find their first where many were taken out of their front.
        self._waiting: OrderedDict[Place, Said] = OrderedDict()  # oldest first
        self._closed: OrderedDict[Place, None] = OrderedDict()  # compared or given up, oldest first
        self._tallies: dict[int, Tally] = {}  # by the champion
        self._champion: int | None = None  # that was heard of last
        self._unmatched = self._skipped = self._unreadable = 0

    @property
    def report(self) -> ShadowReport:
        """What was found since we began, beside the champion that answered last."""
        tally = self._tallies.get(self._champion or 0) or Tally()
        return ShadowReport(
            version=self._version,
            since=self._since,
            champion_version=self._champion,
            records=tally.records,
            agreed=tally.agreed,
            confidence=tally.confidence,
            champion_confidence=tally.champion_confidence,
            unmatched=self._unmatched,
            skipped=self._skipped,
            unreadable=self._unreadable,
        )

    def begin(self, partition: int, offset: int, skipped: int = 0) -> None:
        """Note from where on the shadow answers a partition, and how many records it leaves out for that."""
        self._begins[partition] = offset
        self._skipped += skipped
        self._metrics.skipped.inc(skipped)

    def reject(self) -> None:
        """Note a record that is no picture to the shadow; to the champion it is none either."""
        self._unreadable += 1

    def hear(self, answer: Answer, *, is_champion: bool) -> None:
        """Take an answer of the champion or of the shadow."""
        place = Place(answer.source.partition, answer.source.offset)
        confidence = max(answer.probabilities.values(), default=0.0)
        said = Said(is_champion, answer.model.version, answer.label, confidence, self._clock())
        if place in self._closed:
            return
        other = self._waiting.get(place)
        if other is not None and other.is_champion != is_champion:
            self._compare(place, *((said, other) if is_champion else (other, said)))
        elif other is None and (not is_champion or self._is_ours(place)):
            self._waiting[place] = said
            self.expire()

    def expire(self) -> None:
        """Give up on what has waited too long, or is among too many."""
        too_many = max(0, len(self._waiting) - self._most_waiting)
        due = self._clock() - PATIENCE_SECONDS
        late = sum(1 for _ in takewhile(lambda said: said.at < due, self._waiting.values()))
        for place in list(islice(self._waiting, max(too_many, late))):
            self._give_up(place, self._waiting.pop(place))

    def _is_ours(self, place: Place) -> bool:
        """Return whether the shadow is to answer the record, or may be: it may not have begun yet."""
        return place.offset >= self._begins.get(place.partition, 0)

    def _compare(self, place: Place, champion: Said, challenger: Said) -> None:
        del self._waiting[place]
        self._close(place)
        self._champion = champion.version
        self._tallies.setdefault(champion.version, Tally()).add(champion, challenger)
        self._metrics.compared(
            champion.version, challenger.version, agreed=champion.label == challenger.label
        )
        self._metrics.sure("champion", champion.version, champion.confidence)
        self._metrics.sure("challenger", challenger.version, challenger.confidence)

    def _close(self, place: Place) -> None:
        """Have what is said of a record from now on be of no account."""
        self._closed[place] = None
        while len(self._closed) > MOST_REMEMBERED:
            self._closed.popitem(last=False)

    def _give_up(self, place: Place, said: Said) -> None:
        self._close(place)
        begun = place.partition in self._begins
        if said.is_champion and not (begun and self._is_ours(place)):
            return
        self._unmatched += 1
        self._metrics.unmatched.labels("challenger" if said.is_champion else "champion").inc()
