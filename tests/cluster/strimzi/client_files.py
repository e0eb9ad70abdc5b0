"""What a client on the host needs to reach a Kafka: its address, whom to trust, and who it is itself."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from tests.cluster.strimzi.kube import Kube, Manifest, connect, read_kubeconfig
from tests.cluster.strimzi.objects import has_condition, secret_data


def write_client_files(
    kubeconfig: Path,
    client_dir: Path,
    *,
    namespace: str = "kafka",
    cluster: str = "my-cluster",
    user: str = "catdog-client",
    listener: str = "external",
    timeout_seconds: float = 180.0,
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


async def await_ready(kube: Kube, kind: str, namespace: str, name: str, timeout_seconds: float) -> Manifest:
    """Return a resource when its operator has seen its present generation and says Ready.

    Raises:
        TimeoutError: it did not become so; the message has the conditions that were seen.
    """
    seen: Manifest = {}
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(timeout_seconds):
            async for seen in _versions(kube, kind, namespace, name):
                if _is_ready(seen):
                    return seen
    conditions = seen.get("status", {}).get("conditions", "no conditions") if seen else "there is none"
    raise TimeoutError(f"{kind} {namespace}/{name} is not ready after {timeout_seconds:.0f} s: {conditions}")


async def _versions(kube: Kube, kind: str, namespace: str, name: str) -> AsyncIterator[Manifest]:
    async for event in kube.watch(kind):
        metadata = event.object["metadata"]
        if not event.deleted and (metadata["namespace"], metadata["name"]) == (namespace, name):
            yield event.object


def _is_ready(resource: Manifest) -> bool:
    current = resource.get("status", {}).get("observedGeneration") == resource["metadata"]["generation"]
    return current and has_condition(resource, "Ready")


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
