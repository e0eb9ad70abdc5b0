"""What controllers and the kubelet told of a child in Events, and nowhere else."""

from catdog_operator.observed import Observed
from catdog_operator.views import LONG_AGO, Event, Metadata


def events_about(child: Metadata, observed: Observed, *reasons: str) -> list[Event]:
    """Return the Events about a child whose reasons begin with one of `reasons`, the newest last."""
    about = [
        event
        for event in observed.events
        if event.involved_object.uid == child.uid and event.reason.startswith(reasons)
    ]
    return sorted(about, key=lambda event: event.last_timestamp or LONG_AGO)
