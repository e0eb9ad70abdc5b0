"""What a command concludes from a model: whether it is at rest, and which version it was before. Pure."""

from datetime import UTC, datetime

from catdog_client.cluster.model import Change, Failure, Model
from catdog_client.errors import ClientError


def is_ready(model: Model) -> bool:
    """Whether the model is Ready, and that is said of its last edit."""
    ready = model.condition("Ready")
    return ready is not None and ready.status == "True" and model.seen


def is_settled(model: Model) -> bool:
    """Whether nothing changes before somebody edits the model, as far as anyone can tell."""
    if not model.seen:
        return False
    if model.status.phase == "Paused":
        return True
    if model.status.progress is not None:
        return False
    if (failure := failure_of_present_settings(model)) is not None:
        return failure.next_attempt_time is None and model.status.phase in ("Degraded", "Failed")
    return model.status.phase in ("Serving", "Failed")


def failure_of_present_settings(model: Model) -> Failure | None:
    """Return how the last training of the present settings failed, if it did and is not made good."""
    failure = model.status.last_failure
    return failure if failure is not None and failure.hash == model.status.training.hash else None


def served_before(model: Model) -> Change:
    """Return the last change to another version than the one that serves, of those still on the claim.

    Raises:
        ClientError: there is none; the message has the versions that there are.
    """
    for change in model.status.history:
        if change.version != model.served and model.version(change.version) is not None:
            return change
    others = [each for each in _numbers(model) if each != model.served]
    there = f"name one of {_listed(others)}" if others else "there is no other version"
    raise ClientError(f"no version that served before is on the claim of {model.name}: {there}")


def check_version(model: Model, number: int) -> None:
    """Refuse a version that is not on the claim.

    Raises:
        ClientError: it is not; the message has those that there are.
    """
    if model.version(number) is None:
        numbers = _numbers(model)
        there = f"it has {_listed(numbers)}" if numbers else "nothing is trained yet"
        raise ClientError(f"{model.name} has no version {number}: {there}")


def new_revision(model: Model, wanted: str | None, now: datetime) -> str:
    """Return the training.revision that a person asks for, else the time.

    Raises:
        ClientError: the model has that one.
    """
    if wanted is not None and wanted == model.spec.training.revision:
        raise ClientError(
            f"{model.name} has spec.training.revision {wanted!r} already, so nothing would be trained: "
            "name another in --revision, or none"
        )
    return wanted if wanted is not None else f"{now.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _numbers(model: Model) -> list[int]:
    return sorted(each.version for each in model.status.versions)


def _listed(numbers: list[int]) -> str:
    *others, last = (str(number) for number in numbers)
    return f"{', '.join(others)} and {last}" if others else last
