"""Which versions are known to be on the claim, and which of them should serve."""

from collections.abc import Iterable, Iterator
from datetime import datetime

import msgspec

from catdog_common.training import TrainingResult
from catdog_operator.observed import Observed
from catdog_operator.status_fields import Version
from catdog_operator.views import LONG_AGO, Pod


def known_versions(observed: Observed) -> tuple[Version, ...]:
    """Return the versions on the claim, newest first: as the last training said, else as the status says."""
    noted = {(each.version, each.hash): each for each in observed.model.status.versions}
    results = list(_results(observed.training_pods))
    if not results:
        return _newest_first(noted.values())
    for result in results:
        noted[result.version, result.hash] = _version_of(result)
    inventory = [
        noted.get((each.version, each.hash)) or msgspec.convert(msgspec.to_builtins(each), Version)
        for each in results[-1].versions
    ]
    return _newest_first(inventory)


def version_of_hash(versions: tuple[Version, ...], training_hash: str) -> Version | None:
    """Return the newest version that was trained from these settings."""
    return next((each for each in versions if each.hash == training_hash), None)


def wanted_version(observed: Observed, versions: tuple[Version, ...], training_hash: str) -> int | None:
    """Return the version that should serve: the present settings', else what serves, else the newest."""
    if (current := version_of_hash(versions, training_hash)) is not None:
        return current.version
    if observed.deployment is not None and observed.deployment.version is not None:
        return observed.deployment.version
    return versions[0].version if versions else None


def read_result(pod: Pod) -> TrainingResult | None:
    """Return what a trainer that succeeded reported, or None where it is not to be read."""
    end = pod.container.state.terminated
    if end is None or end.exit_code != 0:
        return None
    try:
        return msgspec.json.decode(end.message, type=TrainingResult)
    except msgspec.DecodeError:
        return None


def finished_at(pod: Pod) -> datetime:
    """Return when a pod's container ended."""
    end = pod.container.state.terminated
    return (end and end.finished_at) or LONG_AGO


def _results(pods: tuple[Pod, ...]) -> Iterator[TrainingResult]:
    for pod in sorted(pods, key=finished_at):
        if (result := read_result(pod)) is not None:
            yield result


def _version_of(result: TrainingResult) -> Version:
    return Version(
        version=result.version,
        hash=result.hash,
        accuracy=result.accuracy,
        photos=result.photos,
        trained_at=result.trained_at,
        dataset_digest=result.dataset_digest,
        digest=result.digest,
    )


def _newest_first(versions: Iterable[Version]) -> tuple[Version, ...]:
    return tuple(sorted(versions, key=lambda each: each.version, reverse=True))
