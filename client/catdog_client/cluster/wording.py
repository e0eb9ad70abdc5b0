"""How what is known of a model is put in words, on a terminal and in a page alike. Pure."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from catdog_client.cluster.model import Model, Progress, Shadow, Version

_UNITS = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))


def remarks(model: Model, version: Version) -> Iterator[str]:
    """Yield what makes a version one of its own among those of a model."""
    if version.version == model.served:
        yield "serves"
    if version.version == model.spec.inference.model_version:
        yield "pinned"
    if version.version == model.spec.inference.shadow_version:
        yield "shadow"
    if version.hash and version.hash == model.status.training.hash:
        yield "of the present settings"


def figures(progress: Progress, now: datetime, *, with_time: bool = True) -> str:
    """Return how far a training is; without time nothing that changes by itself."""
    return ", ".join(_list_figures(progress, now, with_time=with_time))


def _list_figures(progress: Progress, now: datetime, *, with_time: bool) -> Iterator[str]:
    done, total = extent(progress)
    yield f"{progress.stage or 'Starting'} {done}/{total}" if total else progress.stage or "Starting"
    if progress.val_accuracy is not None:
        yield f"{share(progress.val_accuracy)} of validation right"
    if progress.photos_per_second is not None:
        yield f"{progress.photos_per_second:.0f} photos/s"
    if with_time and (end := progress.estimated_completion_time) is not None:
        yield f"done in about {span(end - now)}"


def tell_shadow(shadow: Shadow, now: datetime) -> str:
    """Return how a shadow's answers compare with those of the version that serves."""
    told = f"shadow: version {shadow.version}"
    if shadow.champion_version is not None:
        told += f" beside version {shadow.champion_version}"
    if shadow.since is not None:
        told += f", counted for {span(now - shadow.since)}"
    return f"{told}: {'; '.join(_compare_shadow(shadow))}"


def _compare_shadow(shadow: Shadow) -> Iterator[str]:
    if shadow.records:
        yield f"{share(shadow.agreement)} of {shadow.records} records got the same label from both"
        if shadow.mean_confidence is not None:
            own, other = share(shadow.mean_confidence), share(shadow.champion_mean_confidence)
            yield f"mean confidence {own}, of what serves {other}"
    else:
        yield "no record that both have answered yet"
    if shadow.unmatched:
        yield f"{shadow.unmatched} answered by one alone"
    if shadow.skipped:
        yield f"{shadow.skipped} left out by the shadow"


def extent(progress: Progress) -> tuple[int | None, int | None]:
    """Return how many epochs or photos are done, and of how many."""
    if progress.epochs is not None and progress.total_photos is None:
        return progress.epoch or 0, progress.epochs
    return progress.photos or 0, progress.total_photos


def share(fraction: float | None) -> str:
    """Return a fraction in percent."""
    return "" if fraction is None else f"{fraction:.1%}"


def number(count: int | None) -> str:
    """Return a count."""
    return "" if count is None else str(count)


def ago(time: datetime | None, now: datetime) -> str:
    """Return how long ago something was."""
    return "" if time is None else f"{span(now - time)} ago"


def span(length: timedelta) -> str:
    """Return a time span by its largest unit, or by two where the larger one is small."""
    seconds = max(int(length.total_seconds()), 0)
    for position, (unit, size) in enumerate(_UNITS):
        if (count := seconds // size) and size > 1:
            smaller, part = _UNITS[position + 1]
            rest = seconds % size // part
            return f"{count} {unit} {rest} {smaller}" if count < 3 and rest else f"{count} {unit}"
    return f"{seconds} s"
