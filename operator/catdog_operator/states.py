"""What the statuses of all models say, as last reported, for Prometheus."""

from collections import Counter
from collections.abc import Iterator

from catdog_operator.kinds import MODEL
from catdog_operator.store import Key, Store
from catdog_operator.views import Condition, View


class ReportedStatus(View, frozen=True):
    """What is told of a model's status."""

    phase: str = "Pending"
    conditions: tuple[Condition, ...] = ()


class ReportedModel(View, frozen=True):
    """A model as far as its status; a new one has none."""

    status: ReportedStatus = ReportedStatus()


def count_phases(store: Store) -> Counter[str]:
    """Return how many models there are in each phase."""
    return Counter(status.phase for _, status in _statuses(store))


def see_conditions(store: Store) -> Iterator[tuple[Key, Condition]]:
    """Yield the conditions of all models."""
    return ((key, condition) for key, status in _statuses(store) for condition in status.conditions)


def _statuses(store: Store) -> Iterator[tuple[Key, ReportedStatus]]:
    for key in store.models():
        if (model := store.see(MODEL, *key, ReportedModel)) is not None:
            yield key, model.status
