import asyncio
import contextlib
from pathlib import Path

from catdog_common.kafka_binding import KafkaLogin
from catdog_common.kafka_security import KafkaSecurity
from catdog_inference.probe import probe
from catdog_inference.waiting import Trouble
from tests.unit.common.test_kafka_diagnosis import broker
from tests.unit.common.test_kafka_security import write_pair


async def test_a_certificate_that_would_not_be_let_in_is_told_until_it_would(tmp_path: Path) -> None:
    write_pair(tmp_path / "ca", "localhost", dns="localhost")
    write_pair(tmp_path / "user", "user")
    good = {file: file.read_bytes() for file in (tmp_path / "user").iterdir()}
    (tmp_path / "known.crt").write_bytes(good[tmp_path / "user" / "user.crt"])
    trouble = Trouble("no new connection")
    security = KafkaSecurity(tmp_path / "ca", tmp_path / "user")
    async with broker(tmp_path / "ca", tmp_path / "known.crt") as server:
        probing = asyncio.create_task(probe(lambda: KafkaLogin(server, security), trouble, 0.01))
        write_pair(tmp_path / "user", "user")  # another of the same name, whom the broker does not know
        await until_told(trouble, server)
        (tmp_path / "user" / "user.key").unlink()
        await until_told(trouble, "user.key is missing")
        for file, content in good.items():
            file.write_bytes(content)
        await until_told(trouble, None)
        probing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await probing


async def until_told(trouble: Trouble, what: str | None) -> None:
    """Await that a trouble is told in these words, or is none."""
    async with asyncio.timeout(60):
        while not _is_told(trouble.reason_after(0), what):  # noqa: ASYNC110 -- nothing tells of it
            await asyncio.sleep(0.01)


def _is_told(reason: str | None, what: str | None) -> bool:
    return reason is None if what is None else what in (reason or "")
