"""Which versions are known to be on the claim, as the last training and the status tell."""

from collections.abc import Iterable, Iterator
from datetime import datetime

import msgspec

from catdog_common.training import Comparison, TrainingResult, VersionSummary
from catdog_operator.observed import Observed
from catdog_operator.status_fields import ComparisonCounts, Version
from catdog_operator.views import LONG_AGO, Job, Pod


def known_versions(observed: Observed) -> tuple[Version, ...]:
    """Return the versions on the claim, newest first: as the last training said, else as the status says.

    What a training that has not succeeded was told to remove counts as gone from the moment it was told. On a
    claim that is still to be made there is nothing.
    """
    spec = observed.model.spec
    if observed.claim is None and spec.storage.existing_claim is None and not spec.paused:
        return ()
    pruned = frozenset[int]().union(*(job.prunes for job in observed.jobs if not job.complete))
    versions = (each for each in _on_the_claim(observed) if each.version not in pruned)
    return tuple(sorted(versions, key=lambda each: each.version, reverse=True))


def version_of_hash(versions: tuple[Version, ...], training_hash: str) -> Version | None:
    """Return the newest version that was trained from these settings."""
    return next((each for each in versions if each.hash == training_hash), None)


def find_version(versions: tuple[Version, ...], number: int | None) -> Version | None:
    """Return the version of this number."""
    return next((each for each in versions if each.version == number), None)


def versions_to_prune(
    versions: tuple[Version, ...], keep: int, protected: frozenset[int | None]
) -> tuple[int, ...]:
    """Return the oldest versions that have to go so that, with the next one, there are at most `keep`."""
    surplus = max(len(versions) - (keep - 1), 0)
    dispensable = [each.version for each in reversed(versions) if each.version not in protected]
    return tuple(dispensable[:surplus])


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


def _on_the_claim(observed: Observed) -> Iterable[Version]:
    noted = {(each.version, each.hash): each for each in observed.model.status.versions}
    results = list(_results(observed))
    if not results:
        return noted.values()
    for result in results:
        noted[result.version, result.hash] = _version_of(result, noted.get((result.version, result.hash)))
    inventory = results[-1].versions
    return [_summed_up(each, noted.get((each.version, each.hash))) for each in inventory]


def _results(observed: Observed) -> Iterator[TrainingResult]:
    jobs = [job for job in observed.jobs if is_on_the_claim(job, observed)]
    for pod in sorted(observed.training_pods, key=finished_at):
        if any(pod.is_of(job) for job in jobs) and (result := read_result(pod)) is not None:
            yield result


def is_on_the_claim(job: Job, observed: Observed) -> bool:
    """Return whether what `job` tells is of the claim that there is, and not of one that is gone."""
    return observed.claim is None or not job.metadata.is_older_than(observed.claim.metadata)


def _version_of(result: TrainingResult, noted: Version | None) -> Version:
    return Version(
        version=result.version,
        hash=result.hash,
        accuracy=result.accuracy,
        photos=result.photos,
        trained_at=result.trained_at,
        dataset_digest=result.dataset_digest,
        digest=result.digest,
        comparison=_counts(result.comparison),
        first_served_time=noted.first_served_time if noted else None,
    )


def _summed_up(summary: VersionSummary, noted: Version | None) -> Version:
    """Return a version of the inventory, with what is known of it besides."""
    if noted is not None:
        return msgspec.structs.replace(noted, comparison=noted.comparison or _counts(summary.comparison))
    return Version(
        version=summary.version,
        hash=summary.hash,
        accuracy=summary.accuracy,
        photos=summary.photos,
        trained_at=summary.trained_at,
        comparison=_counts(summary.comparison),
    )


def _counts(comparison: Comparison | None) -> ComparisonCounts | None:
    if comparison is None:
        return None
    return ComparisonCounts(
        champion_version=comparison.champion,
        photos=comparison.photos,
        correct=comparison.correct,
        champion_correct=comparison.champion_correct,
    )
