"""What a version's page says: what the status has of it, and what its files say. Pure."""

from collections.abc import Iterable, Mapping

import msgspec

from catdog_client.cluster.model import Model, Version
from catdog_client.cluster.wording import number, remarks, share
from catdog_common.artifact import (
    CONTACT_SHEET_FILE,
    EVALUATION_FILE,
    HISTORY_FILE,
    MODEL_CARD_FILE,
    MODEL_FILE,
    PHOTOS_FILE,
    PLOT_FILE,
    TRUNK_FILE,
    Calibration,
    Metrics,
    ModelMetadata,
)
from catdog_common.parsing import parse_json
from catdog_console.cluster import Key
from catdog_console.views import gate_words, url_of
from catdog_console.written import View, moment

CONTENT_TYPES = {
    PLOT_FILE: "image/png",
    EVALUATION_FILE: "image/png",
    CONTACT_SHEET_FILE: "image/jpeg",
}
DOWNLOADS = {
    MODEL_CARD_FILE: "the model card, as Markdown",
    HISTORY_FILE: "log-loss and accuracy by epoch",
    MODEL_FILE: "the head, and all figures",
    PHOTOS_FILE: "each photo's digest, split and label",
    TRUNK_FILE: "the network, for LiteRT",
}


class Picture(View, frozen=True):
    """A picture of a version."""

    title: str
    url: str
    words: str  # for those who don't see it


class Download(View, frozen=True):
    """A file of a version."""

    name: str
    url: str
    what: str


class Confusion(View, frozen=True):
    """What was taken for what, as counts."""

    labels: tuple[str, ...]
    rows: tuple[tuple[str, tuple[int, ...]], ...]  # true label, and photos by answered label


class VersionView(View, frozen=True):
    """A version's page, but for the card."""

    model: str
    namespace: str
    model_url: str
    number: int
    facts: tuple[tuple[str, str], ...]
    pictures: tuple[Picture, ...] = ()
    downloads: tuple[Download, ...] = ()
    confusion: Confusion | None = None
    calibration: str | None = None
    trouble: str | None = None


def view_version(
    key: Key, model: Model, version: Version, files: Iterable[str] = (), trouble: str | None = None
) -> VersionView:
    """Return what is known of a version by the status, and by the names of its files."""
    base, there = f"{url_of(key)}/versions/{version.version}/files", frozenset(files)
    return VersionView(
        model=key.name,
        namespace=key.namespace,
        model_url=url_of(key),
        number=version.version,
        facts=_facts(model, version),
        pictures=tuple(each for each in _pictures(base, version) if each.url.rpartition("/")[2] in there),
        downloads=tuple(
            Download(name, f"{base}/{name}", what) for name, what in DOWNLOADS.items() if name in there
        ),
        trouble=trouble,
    )


def add_metrics(view: VersionView, content: bytes) -> VersionView:
    """Return the view with what the version's `model.json` says.

    Raises:
        msgspec.DecodeError: it is of another form.
    """
    metrics = parse_json(content, ModelMetadata).metrics
    return msgspec.structs.replace(
        view,
        confusion=_confusion(metrics.confusion),
        calibration=metrics.calibration and _calibration(metrics.calibration),
        facts=(*view.facts, *_measured(metrics)),
    )


def _facts(model: Model, version: Version) -> tuple[tuple[str, str], ...]:
    trained, served = moment(version.trained_at), moment(version.first_served_time)
    facts = (
        ("Accuracy", share(version.accuracy)),
        ("Validation photos", number(version.photos)),
        ("Gate", gate_words(version)),
        ("Trained", trained.text if trained else ""),
        ("First served", served.text if served else "never yet"),
        ("It is", ", ".join(remarks(model, version))),
        ("Hash of its settings", version.hash),
    )
    return tuple((name, value) for name, value in facts if value)


def _measured(metrics: Metrics) -> tuple[tuple[str, str], ...]:
    unknown = () if metrics.unknown is None else (("Answered unknown", f"{metrics.unknown} photos"),)
    return (("Log-loss", f"{metrics.log_loss:.3f}"), *unknown)


def _pictures(base: str, version: Version) -> tuple[Picture, ...]:
    right = f", at the end {share(version.accuracy)} of validation photos right" if version.accuracy else ""
    return (
        Picture(
            "How the training went",
            f"{base}/{PLOT_FILE}",
            f"Curves of log-loss and accuracy by epoch, of training and validation photos{right}. "
            f"{HISTORY_FILE} below has the figures.",
        ),
        Picture(
            "Confusion matrix, calibration and ROC",
            f"{base}/{EVALUATION_FILE}",
            "Three plots of the answers to validation photos: what was taken for what, whether "
            "probabilities hold, and hits against false alarms. Tables of this page have the figures.",
        ),
        Picture(
            "The worst photos",
            f"{base}/{CONTACT_SHEET_FILE}",
            "A contact sheet of the validation photos that are taken for the other label, the surest first: "
            "likely some are mislabelled.",
        ),
    )


def _confusion(counts: Mapping[str, Mapping[str, int]]) -> Confusion:
    labels = tuple(counts)
    return Confusion(
        labels, tuple((true, tuple(row.get(each, 0) for each in labels)) for true, row in counts.items())
    )


def _calibration(calibration: Calibration) -> str:
    return (
        f"On {calibration.photos} validation photos the expected calibration error is "
        f"{calibration.error_after:.3f} with the fitted temperature, and {calibration.error_before:.3f} "
        f"without; the log-loss {calibration.log_loss_after:.3f}, and {calibration.log_loss_before:.3f}."
    )
