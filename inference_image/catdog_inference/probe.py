"""Tries from time to time whether Kafka would let the worker in anew.

Open connections outlive the certificates that they were made with: whether the next one can be made shows
only when it is, perhaps after weeks, when a broker restarts.
"""

import asyncio
from collections.abc import Callable

from catdog_common.kafka_binding import KafkaLogin
from catdog_common.kafka_diagnosis import why_unreachable
from catdog_common.kafka_security import KafkaSecurityError
from catdog_inference.waiting import Trouble

PROBE_SECONDS = 15.0


async def probe(
    login: Callable[[], KafkaLogin], trouble: Trouble, every_seconds: float = PROBE_SECONDS
) -> None:
    """Connect every so often, and tell the trouble where no server would have us; without end."""
    while True:
        try:
            reason = await why_unreachable(login())
        except KafkaSecurityError as error:
            reason = str(error)
        if reason is None:
            trouble.over()
        else:
            trouble.again(ConnectionError(reason))
        await asyncio.sleep(every_seconds)
