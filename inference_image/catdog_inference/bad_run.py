"""Tells when nothing but bad images comes: something that sends has gone wrong, and no answer shows it."""

from collections import Counter
from collections.abc import Callable
from time import monotonic

import structlog

from catdog_common.complaints import ONLY_BAD_IMAGES, OVER
from catdog_inference.waiting import RETELL_SECONDS

# Some bad images among good ones make no such run: where nine of ten are bad, one in 40,000 begins it.
TOO_MANY_IN_A_ROW = 100

# The operator hears of a worker by its readiness alone, and then reads its log. So the worker calls by not
# being ready for a moment: long enough for the kubelet to see it (three probes, two seconds apart), and no
# longer, as bad images are no reason to hold up a rollout or a drain. It calls again in case nobody heard.
CALL_SECONDS = 20.0
CALL_AGAIN_SECONDS = 600.0

log = structlog.get_logger()


class BadRun:
    """Counts what is rejected since the last image that was none of that; from too many on, says so."""

    def __init__(self, topic: str, dead_letter_topic: str, clock: Callable[[], float] = monotonic) -> None:
        self._topic, self._dead_letter_topic = topic, dead_letter_topic
        self._clock = clock
        self._began: float | None = None  # when they were too many
        self._told_at = 0.0
        self._told = ""
        self._reasons = Counter[str]()
        self._news_at = TOO_MANY_IN_A_ROW

    def rejected(self, reason: str) -> None:
        """Note a record that lies among the dead letters."""
        self._reasons[reason] += 1
        now, count = self._clock(), self._reasons.total()
        if count == self._news_at:  # only twice as many are news, so that what is told stays the same a while
            self._began = now if self._began is None else self._began
            self._news_at *= 2
            reasons = ", ".join(f"{each} {self._reasons[each]}" for each in sorted(self._reasons))
            self._told = (
                f"{count} records in a row of topic {self._topic} can't be decoded ({reasons}), "
                f"and lie in topic {self._dead_letter_topic}"
            )
            self._tell(now)
        elif self._began is not None and now - self._told_at >= RETELL_SECONDS:
            self._tell(now)

    def answered(self) -> None:
        """Note a picture that was answered."""
        if self._began is not None:
            log.info(OVER, trouble=ONLY_BAD_IMAGES)
        self._began, self._told = None, ""
        self._reasons.clear()
        self._news_at = TOO_MANY_IN_A_ROW

    @property
    def call(self) -> str | None:
        """What is to be heard of right now, if anything is."""
        if self._began is None or (self._clock() - self._began) % CALL_AGAIN_SECONDS >= CALL_SECONDS:
            return None
        return f"{ONLY_BAD_IMAGES}: {self._told}"

    def _tell(self, now: float) -> None:
        log.warning(ONLY_BAD_IMAGES, error=self._told)
        self._told_at = now
