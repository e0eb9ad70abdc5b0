"""What a client on the host needs to reach a Kafka: its address, whom to trust, and who it is itself."""

import asyncio
from pathlib import Path

from tests.cluster.strimzi.kube import Kube, Manifest, connect, read_kubeconfig
from tests.cluster.strimzi.objects import secret_data
from tests.cluster.strimzi.waiting import await_ready
from tests.cluster.waiting import PATIENCE_SECONDS


def write_client_files(
    kubeconfig: Path,
    client_dir: Path,
    *,
    namespace: str = "kafka",
    cluster: str = "my-cluster",
    user: str = "catdog-client",
    listener: str = "external",
    timeout_seconds: float = PATIENCE_SECONDS,
) -> None:
    """Await that Kafka and user are ready, and write `ca/*.crt`, `user/user.{crt,key}` and `bootstrap`.

    Raises:
        TimeoutError: they are not; the message has the conditions that were seen.
    """
    access = read_kubeconfig(kubeconfig)

    async def read() -> dict[str, bytes]:
        async with connect(access) as kube:
            kafka = await await_ready(kube, "Kafka", namespace, cluster, timeout_seconds)
            await await_ready(kube, "KafkaUser", namespace, user, timeout_seconds)
            return await _read_files(kube, kafka, user, listener)

    for name, data in asyncio.run(read()).items():
        path = client_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_bytes(data)


async def _read_files(kube: Kube, kafka: Manifest, user: str, listener: str) -> dict[str, bytes]:
    namespace, cluster = kafka["metadata"]["namespace"], kafka["metadata"]["name"]
    trusted = secret_data(await kube.get("Secret", namespace, f"{cluster}-cluster-ca-cert"))
    own = secret_data(await kube.get("Secret", namespace, user))
    addresses = {each["name"]: each["bootstrapServers"] for each in kafka["status"]["listeners"]}
    return {
        **{f"ca/{key}": value for key, value in trusted.items() if key.endswith(".crt")},
        "user/user.crt": own["user.crt"],
        "user/user.key": own["user.key"],
        "bootstrap": f"{addresses[listener]}\n".encode(),
    }
