"""How often something may be read that nobody tells of: of one model, and of all together."""

from typing import Generic, TypeVar

K = TypeVar("K")


class Pace(Generic[K]):
    """Lets each key read at most every `seconds`, and all together `a_second`, a few at once.

    Where there are too many keys for that, all of them read less often, in turn. Times are the event loop's.
    """

    def __init__(self, seconds: float, a_second: float, at_once: int) -> None:
        self._seconds = seconds
        self._between = 1 / a_second
        self._saved = at_once / a_second  # seconds of which the turns may lag behind the time
        self._turn = float("-inf")
        self._due: dict[K, float] = {}
        self._in_line: set[K] = set()  # whose due time is their turn

    def may_read(self, key: K, now: float) -> bool:
        """Return whether the key may read now; then not again before its interval is over."""
        if now < self._due.get(key, now):
            return False
        if key not in self._in_line and (turn := self._take_turn(now)) > now:
            self._due[key] = turn
            self._in_line.add(key)
            return False
        self._in_line.discard(key)
        self._due[key] = now + self._seconds
        return True

    def forget(self, key: K) -> None:
        """Let go of a key that will not read any more."""
        self._due.pop(key, None)
        self._in_line.discard(key)

    def _take_turn(self, now: float) -> float:
        turn = max(self._turn, now - self._saved)
        self._turn = turn + self._between
        return turn
