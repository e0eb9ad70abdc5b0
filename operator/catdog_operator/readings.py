"""Reads what nobody tells of: logs of trainers, shadows, and workers that are in trouble, and Events."""

import asyncio
import logging

import msgspec

from catdog_common.training import Progress
from catdog_operator.api import Api, RefusedError, UnavailableError
from catdog_operator.complaints import read_complaint
from catdog_operator.kinds import EVENT, POD
from catdog_operator.observed import Complaint, ShadowLog
from catdog_operator.pace import Pace
from catdog_operator.progress import read_progress, read_report
from catdog_operator.store import Key
from catdog_operator.views import LONG_AGO, Event, Metadata, Pod

logger = logging.getLogger(__name__)

PROGRESS_SECONDS = 10.0  # at least, between two reads of a model's log
SHADOW_SECONDS = 10.0  # at least, between two reads of a shadow's log
COMPLAINT_SECONDS = 10.0  # at least, between two reads of the logs of workers in trouble
EVENTS_SECONDS = 5.0  # at least, between two reads of the Events of a model's children
READS_A_SECOND = 10.0  # of logs, and of Events, of all models; where that is too few, the intervals stretch
STUCK_CHILDREN = 4  # whose Events or logs are read at once: what troubles one troubles the others
LOG_LINES = 20
READS_AT_ONCE = 20


class Readings:
    """Reads no more often than the API server can bear from all models together."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._log_pace = Pace[Key](PROGRESS_SECONDS, READS_A_SECOND, READS_AT_ONCE)
        self._events_pace = Pace[Key](EVENTS_SECONDS, READS_A_SECOND, READS_AT_ONCE)
        self._complaints_pace = Pace[Key](COMPLAINT_SECONDS, READS_A_SECOND, READS_AT_ONCE)
        self._shadow_pace = Pace[Key](SHADOW_SECONDS, READS_A_SECOND, READS_AT_ONCE)
        self._events: dict[Key, tuple[Event, ...]] = {}
        self._complaints: dict[Key, Complaint | None] = {}
        self._shadow_complaints: dict[Key, Complaint | None] = {}

    async def progress(self, key: Key, pods: tuple[Pod, ...]) -> Progress | None:
        """Return the progress of the trainer that runs, or None where the status says the newest already.

        It is not remembered here: two operators that remember differently would correct each other without
        end. A log that is not to be read is no error.
        """
        running = next((pod for pod in pods if pod.container.state.running is not None), None)
        if running is None:
            return None
        if not self._log_pace.may_read(key, asyncio.get_running_loop().time()):
            return None
        try:
            log = await self._read_log(key, running)
        except (RefusedError, UnavailableError):
            return None
        return read_progress(log)

    async def shadow(self, key: Key, pods: tuple[Pod, ...]) -> ShadowLog:
        """Return what the log of the shadow that runs says.

        Its report is not remembered, as a trainer's progress is not; its complaint is, as workers' are.
        """
        there = (pod for pod in pods if not pod.gone)  # that of a lost node goes on running for ever
        running = next((pod for pod in there if pod.container.state.running is not None), None)
        if running is None:
            self._shadow_complaints.pop(key, None)
            return ShadowLog()
        known = ShadowLog(complaint=None if running.ready else self._shadow_complaints.get(key))
        if not self._shadow_pace.may_read(key, asyncio.get_running_loop().time()):
            return known
        try:
            log = await self._read_log(key, running)
        except (RefusedError, UnavailableError):
            return known
        self._shadow_complaints[key] = None if running.ready else read_complaint(running.metadata.name, log)
        return ShadowLog(read_report(log), self._shadow_complaints[key])

    async def complaint(self, key: Key, workers: tuple[Pod, ...], told: str) -> Complaint | None:
        """Return the complaint of a worker that is not ready, or is named in `told`, as new as some seconds.

        The oldest that complains speaks.
        """
        running = [pod for pod in workers if pod.container.state.running is not None]
        suspects = [pod for pod in running if not pod.ready or f"pod {pod.metadata.name}:" in told]
        if not suspects:
            self._complaints.pop(key, None)
            return None
        known = self._complaints.get(key)
        if not self._complaints_pace.may_read(key, asyncio.get_running_loop().time()):
            return known
        suspects.sort(key=lambda pod: (pod.metadata.creation_timestamp or LONG_AGO, pod.metadata.name))
        try:
            self._complaints[key] = await self._first_complaint(key, suspects[:STUCK_CHILDREN])
        except (RefusedError, UnavailableError):
            return known
        return self._complaints[key]

    async def _read_log(self, key: Key, pod: Pod) -> str:
        name, container = pod.metadata.name, pod.container.name
        return await self._api.read_log(POD, key.namespace, name, container, LOG_LINES)

    async def _first_complaint(self, key: Key, pods: list[Pod]) -> Complaint | None:
        for pod in pods:
            log = await self._read_log(key, pod)
            if (complaint := read_complaint(pod.metadata.name, log)) is not None:
                return complaint
        return None

    async def events(self, key: Key, stuck: tuple[Metadata, ...]) -> tuple[Event, ...]:
        """Return the Events about these children, as new as a few seconds; unreadable ones are no error."""
        if not stuck:
            self._events.pop(key, None)
            return ()
        events = self._events.get(key, ())
        if not self._events_pace.may_read(key, asyncio.get_running_loop().time()):
            return events
        try:
            bodies = [
                body
                for child in stuck[:STUCK_CHILDREN]
                for body in await self._api.list_events(EVENT, key.namespace, child.uid)
            ]
        except (RefusedError, UnavailableError) as error:
            logger.warning("Events were not to be read", extra={"error": str(error)})
            return events
        self._events[key] = tuple(msgspec.convert(body, Event) for body in bodies)
        return self._events[key]

    def forget(self, key: Key) -> None:
        """Let go of what was read about a model that is gone."""
        for pace in (self._log_pace, self._events_pace, self._complaints_pace, self._shadow_pace):
            pace.forget(key)
        self._events.pop(key, None)
        self._complaints.pop(key, None)
        self._shadow_complaints.pop(key, None)
