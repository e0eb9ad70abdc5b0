"""The one path for whatever happened to a model: observe, plan, apply until it is so, then report."""

import asyncio
import contextlib
import logging
from collections import defaultdict

import msgspec

from catdog_operator.announcements import build_events
from catdog_operator.api import RefusedError, UnavailableError
from catdog_operator.cluster import Cluster
from catdog_operator.delay_queue import DelayQueue
from catdog_operator.metrics import Metrics
from catdog_operator.observed import Observed
from catdog_operator.plan import plan
from catdog_operator.status import build_status
from catdog_operator.status_fields import ModelStatus
from catdog_operator.store import Key

logger = logging.getLogger(__name__)

PASSES = 6  # of observe, plan, apply, before the status is written and the model waits for its turn again
FIRST_BACKOFF_SECONDS = 1.0
LONGEST_BACKOFF_SECONDS = 60.0
RESYNC_SECONDS = 600.0
GAP_SECONDS = 2.0  # in which all watches tell of one gap, and each of something as it begins
LISTS_TO_BEGIN = 15  # before decisions are made although some watch does not tell of what is there


class Outcome(msgspec.Struct, frozen=True):
    """When to look at a model again, in seconds, and whether something in it was refused."""

    look_again: float | None = None
    refused: bool = False


async def reconcile(cluster: Cluster, key: Key) -> Outcome:
    """Bring the cluster to what a model says, and the model's status to what there is."""
    for _ in range(PASSES):
        if (found := await cluster.observe(key)) is None:
            return Outcome(refused=bool((await cluster.sweep(key)).refusals))
        observed = found
        planned = plan(observed)
        with cluster.upkeep(key, planned):
            if planned.news and await _report(cluster, key, observed, build_status(observed, planned)):
                continue
            applied = await cluster.apply(planned)
        if not applied.changed or applied.refusals:
            status = build_status(observed, planned, applied.refusals)
            reported = await _report(cluster, key, observed, status)
            # What was reported is observed too, and no event will tell of it.
            if applied.refusals or not reported:
                return Outcome(planned.look_again, refused=bool(applied.refusals))
    await _report(cluster, key, observed, build_status(observed, planned))
    logger.warning("writes do not come to an end", extra={"model": "/".join(key)})
    return Outcome(refused=True)


async def _report(cluster: Cluster, key: Key, observed: Observed, status: ModelStatus) -> bool:
    # Events first: whoever is killed in between tells them again, under the same names.
    await cluster.announce(build_events(observed, status))
    return await cluster.report(key, status)


class Reconciler:
    """Takes models from the queue, and puts them back when they are to be looked at again."""

    def __init__(
        self,
        cluster: Cluster,
        queue: DelayQueue[Key],
        metrics: Metrics | None = None,
        gap_seconds: float = GAP_SECONDS,
    ) -> None:
        self._cluster = cluster
        self._queue = queue
        self._metrics = metrics or Metrics()
        self._failures: defaultdict[Key, int] = defaultdict(int)
        self._awaited: set[str] = set()  # uids of what the watches have not told of yet
        self._watched = asyncio.Event()
        self._watched.set()
        self._gap = asyncio.Event()
        self._gap_seconds = gap_seconds

    async def work(self) -> None:
        """Reconcile models as they come, forever."""
        while True:
            async with self._queue.take() as key:
                await self._watched.wait()
                outcome = await self._try(key)
            if outcome.look_again is not None:
                await self._queue.put(key, outcome.look_again)

    async def begin(self) -> None:
        """Look at everything, before any event comes: no decision is made on a view of the half.

        Nothing is decided until `await_watches` says so.
        """
        self._watched.clear()
        while not await self._look_at_everything():  # noqa: ASYNC110 - nothing tells that it is back
            await asyncio.sleep(FIRST_BACKOFF_SECONDS)
        self._awaited = self._cluster.uids()

    def note_listed(self, uid: str) -> None:
        """Note that a watch, as it begins, has told of an object."""
        self._awaited.discard(uid)

    async def await_watches(self) -> None:
        """Let decisions be made when the watches have told of all that was listed before they began.

        What goes before a watch begins is never told of: a Job, say, that the operator itself deletes.
        """
        for _ in range(LISTS_TO_BEGIN):
            while self._awaited:
                left = len(self._awaited)
                await asyncio.sleep(self._gap_seconds)
                if len(self._awaited) == left:
                    break
            if not self._awaited:
                break
            await self._look_at_everything()  # what has not been told of may be gone
            self._awaited &= self._cluster.uids()
        else:
            logger.warning("the watches do not tell of everything", extra={"missing": len(self._awaited)})
        self._watched.set()

    def note_gap(self) -> None:
        """Note that events may have been missed, so that all is looked at again soon."""
        self._gap.set()

    async def resync(self) -> None:
        """Look at everything again from time to time, and after a gap in what the watches told; forever."""
        wait = RESYNC_SECONDS
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._gap.wait(), wait)
                await asyncio.sleep(self._gap_seconds)
            self._gap.clear()
            wait = RESYNC_SECONDS if await self._look_at_everything() else FIRST_BACKOFF_SECONDS

    async def _look_at_everything(self) -> bool:
        try:
            for key in await self._cluster.resync():
                await self._queue.put(key)
        except (RefusedError, UnavailableError) as error:
            logger.warning("resync failed", extra={"error": str(error)})
            return False
        except Exception:  # whatever it was, nothing else would find what a watch has missed from here on
            logger.exception("resync failed")
            return False
        return True

    async def _try(self, key: Key) -> Outcome:
        try:
            with self._metrics.reconcile_seconds.time():
                outcome = await reconcile(self._cluster, key)
        except (RefusedError, UnavailableError) as error:
            logger.warning(
                "the API server did not answer", extra={"model": "/".join(key), "error": str(error)}
            )
            return self._end(key, "unavailable")
        except (
            Exception
        ):  # a fault of ours with one model must not stop the others: it is logged and tried again
            logger.exception("reconcile failed", extra={"model": "/".join(key)})
            return self._end(key, "failed")
        if outcome.refused:
            return self._end(key, "refused")
        self._failures.pop(key, None)
        self._metrics.reconciles.labels("settled").inc()
        return outcome

    def _end(self, key: Key, result: str) -> Outcome:
        self._metrics.reconciles.labels(result).inc()
        return Outcome(self._back_off(key))

    def _back_off(self, key: Key) -> float:
        doublings: int = self._failures[key]
        wait = min(FIRST_BACKOFF_SECONDS * 2.0**doublings, LONGEST_BACKOFF_SECONDS)
        self._failures[key] = min(doublings + 1, 10)
        return wait
