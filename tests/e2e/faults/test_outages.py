"""The API server goes away, or forgets what was: the operator waits, and catches up with all of it."""

import asyncio
import os
import select
import signal
from pathlib import Path

import pytest

from tests.cluster.instance import Instance
from tests.cluster.strimzi.kube import Kube
from tests.cluster.waiting import PATIENCE_SECONDS, await_answer
from tests.e2e.faults.claims import lay_version, reserve_volume
from tests.e2e.faults.kills import Undisturbed
from tests.e2e.faults.lane import lane
from tests.e2e.faults.life import EPOCHS, build_model, cleared, model_reference, serves
from tests.e2e.faults.world import World
from tests.e2e.models import NAMESPACE
from tests.e2e.processes import processes_of

AWAY_SECONDS = 30.0


@pytest.mark.soak
async def test_an_api_server_that_is_away_in_the_middle_of_a_training_is_waited_for(
    bare_cluster: Instance, kube: Kube, world: World, tmp_path: Path
) -> None:
    async with cleared(kube, world, "away"), lane(bare_cluster, tmp_path, "away") as opened:
        model = await kube.apply(build_model("away", EPOCHS[1]))
        await world.until(lambda: world.trains("away"), PATIENCE_SECONDS)
        assert await opened.proxy.go() > 0, "no connection broke"
        written = len(opened.proxy.writes)
        await asyncio.sleep(AWAY_SECONDS)
        assert len(opened.proxy.writes) == written
        assert not world.child("Deployment", "away-inference")
        await opened.proxy.come()
        await world.until(
            lambda: serves(world.model("away"), 1, model["metadata"]["generation"]), PATIENCE_SECONDS
        )
        assert opened.exit_codes == []
        assert world.jobs("away") == 1
        await opened.await_rest()


async def test_what_happened_while_the_watches_history_was_lost_is_known_afterwards(
    bare_cluster: Instance, kube: Kube, world: World, tmp_path: Path, undisturbed: Undisturbed
) -> None:
    lay_version(undisturbed.trained, await reserve_volume(kube, "gap"), "gap", 1)
    async with cleared(kube, world, "gap"), lane(bare_cluster, tmp_path, "gap") as opened:
        model = await kube.apply(build_model("gap", EPOCHS[1]))
        await world.until(
            lambda: serves(world.model("gap"), 1, model["metadata"]["generation"]), PATIENCE_SECONDS
        )
        await opened.proxy.go()
        former = world.child("Deployment", "gap-inference")["metadata"]["uid"]
        await kube.delete("Deployment", NAMESPACE, "gap-inference")
        await kube.delete("KafkaUser", NAMESPACE, "gap-catdog")
        topic = world.child("KafkaTopic", "gap-images")
        await kube.merge(topic, {"spec": {"config": {"max.message.bytes": "1000"}}})
        model = await kube.merge(model_reference("gap"), {"spec": {"inference": {"replicas": 2}}})
        await asyncio.to_thread(restart_api_server, bare_cluster)
        await opened.proxy.come()

        def is_caught_up() -> bool:
            present = world.child("Deployment", "gap-inference")
            return (
                bool(present)
                and present["metadata"]["uid"] != former
                and bool(world.child("KafkaUser", "gap-catdog"))
                and world.child("KafkaTopic", "gap-images")["spec"] == topic["spec"]
                and serves(world.model("gap"), 1, model["metadata"]["generation"])
                and present["status"].get("readyReplicas") == 2
            )

        await world.until(is_caught_up, PATIENCE_SECONDS)
        assert opened.proxy.gone_answers > 0, "the history was not lost"
        assert opened.exit_codes == []
        assert world.jobs("gap") == 1
        await opened.await_rest()


def restart_api_server(cluster: Instance) -> None:
    """End the API server and await the one that the supervisor starts: its watch cache begins at present."""
    [former] = processes_of(cluster, "kube-apiserver")
    ended = os.pidfd_open(former)
    signal.pidfd_send_signal(ended, signal.SIGKILL)
    select.select([ended], [], [])
    os.close(ended)
    await_answer(
        f"{cluster.layout.api_server}/readyz", PATIENCE_SECONDS, cluster.layout.node_dir / "pki" / "ca.crt"
    )
    assert processes_of(cluster, "kube-apiserver") != [former]
