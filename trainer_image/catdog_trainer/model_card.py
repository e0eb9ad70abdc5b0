"""Writes the model card of a version: what it learnt from, how good it is, and what it can't do.

Everything in it is derived from the version's metadata, so that it says nothing that was not measured.
"""

from collections.abc import Iterator

from catdog_common.artifact import (
    CONTACT_SHEET_FILE,
    EVALUATION_FILE,
    HISTORY_FILE,
    MANIFEST_FILE,
    MODEL_FILE,
    PHOTOS_FILE,
    PLOT_FILE,
    TRUNK_FILE,
    ChampionComparison,
    Int8Cost,
    Metrics,
    ModelMetadata,
    PartitionOffsets,
    Provenance,
    TrainingSettings,
    TrunkDescription,
)
from catdog_trainer.architectures import ARCHITECTURES
from catdog_trainer.balance import class_weights, imbalance
from catdog_trainer.data.review import NOTABLE_IMBALANCE
from catdog_trainer.evaluation import wilson_interval
from catdog_trainer.markdown import bullets, code, table

_NAMED = 20  # files of each kind that was not used; the metadata name more

FILES = {
    TRUNK_FILE: "the network from a picture to features, for LiteRT",
    MODEL_FILE: "the head on these features, and all numbers of this card",
    PHOTOS_FILE: "each photo's digest (sha256), split and label",
    HISTORY_FILE: "log-loss and accuracy by epoch",
    PLOT_FILE: "the same as curves",
    EVALUATION_FILE: "what was taken for what, calibration and ROC, on the validation photos",
    CONTACT_SHEET_FILE: "validation photos that are taken for the other label, the surest first: likely some "
    "are mislabelled; not there where none is wrong",
    MANIFEST_FILE: "the digest (sha256) of each file, checked before the version serves",
}


def model_card(metadata: ModelMetadata) -> str:
    """Return the card as Markdown."""
    return "\n".join(
        (
            f"# {metadata.name}, version {metadata.version}\n",
            _introduction(metadata),
            "## What it was trained on\n",
            _photos(metadata.provenance),
            "## Settings\n",
            _settings(metadata),
            "## How good it is\n",
            _goodness(metadata.metrics),
            *_int8_cost(metadata.int8_cost),
            "## Beside the version that served\n",
            _comparison(metadata.comparison),
            "## What it can't do\n",
            bullets(_limits(metadata)),
            "## What lies beside this card\n",
            table(("file", "what it is"), ((code(name), shows) for name, shows in FILES.items())),
        )
    )


def _introduction(metadata: ModelMetadata) -> str:
    labels = " or a ".join(metadata.labels)
    return (
        f"Says of a picture whether it shows a {labels}, and with which probability. "
        f"A softmax head on the features of {code(metadata.settings.architecture)}, trained at "
        f"{metadata.trained_at}; the hash of its settings is {code(metadata.hash)}.\n"
    )


def _photos(provenance: Provenance) -> str:
    labels = list(next(iter(provenance.photos.values())))
    rows = [(split, *(str(counts[label]) for label in labels)) for split, counts in provenance.photos.items()]
    return (
        f"Photos of {code(provenance.source)}; their digest, with labels and splits, is "
        f"{code(provenance.digest)}.\n\n"
        f"{table(('photos', *labels), rows)}\n"
        f"{_offsets(provenance.offsets)}"
        f"{_balance(provenance.photos['training'])}\n"
        f"Not used:\n\n{bullets(_not_used(provenance))}"
    )


def _offsets(offsets: tuple[PartitionOffsets, ...]) -> str:
    if not offsets:
        return ""
    rows = ((str(each.partition), str(each.start), str(each.end)) for each in offsets)
    return f"What was read of the topic:\n\n{table(('partition', 'from offset', 'and before'), rows)}\n"


def _balance(training: dict[str, int]) -> str:
    if not min(training.values()) or imbalance(training) <= NOTABLE_IMBALANCE:
        return ""
    weights = " and ".join(f"{weight:.2f} for a {label}" for label, weight in class_weights(training).items())
    return (
        f"One label has {imbalance(training):.1f} times as many training photos as the other, so a photo "
        f"weighs {weights}: the head answers as if both were equally frequent.\n"
    )


def _not_used(provenance: Provenance) -> Iterator[str]:
    yield _named(provenance.unreadable_photos, "unreadable", provenance.unreadable)
    yield _named(provenance.copies, "byte for byte another photo of the same label", provenance.copy_names)
    yield _named(provenance.contradictory, "under both labels", provenance.contradictory_names)
    near = "for validation, and nearly equal to a training photo"
    yield _named(provenance.near_copies, near, provenance.near_copy_names)


def _named(count: int, why: str, names: tuple[str, ...]) -> str:
    shown = ", ".join(map(code, names[:_NAMED]))
    more = f" and {count - _NAMED} more" if shown and count > _NAMED else ""
    return f"{count} {why}{': ' if shown else ''}{shown}{more}"


def _settings(metadata: ModelMetadata) -> str:
    settings = metadata.settings
    patience = settings.early_stopping_patience
    rows = (
        ("architecture", code(settings.architecture)),
        *_trunk(metadata.trunk),
        (
            "image size",
            f"{settings.image_size} × {settings.image_size} pixels, resampled by {code(metadata.resampling)}",
        ),
        ("epochs", f"{settings.epochs}{f', stopping after {patience} without progress' if patience else ''}"),
        ("batch size", f"{settings.batch_size} photos"),
        ("learning rate", f"{settings.learning_rate:g}"),
        ("seed", str(settings.seed)),
        *([("augmented", _augmented(settings))] if settings.augment else []),
        *([("fine-tuned", "the network's last blocks, on the same photos")] if settings.fine_tune else []),
    )
    return table(("setting", "value"), rows)


def _augmented(settings: TrainingSettings) -> str:
    if ARCHITECTURES[settings.architecture].always_augments:
        return "each training photo sheared, zoomed and mirrored at random, as always with this network"
    return "by two corners of each training photo"


def _trunk(trunk: TrunkDescription | None) -> Iterator[tuple[str, str]]:
    if trunk is not None:
        yield "network", f"in {trunk.precision}, {trunk.features} features, {code(trunk.digest)}"


def _goodness(metrics: Metrics) -> str:
    """Return tables of what was measured on the validation photos."""
    lowest, highest = (100 * end for end in wilson_interval(metrics.correct, metrics.photos))
    rows = [
        (
            "accuracy",
            f"{_percent(metrics.correct, metrics.photos)} ({metrics.correct} of {metrics.photos})",
            f"validation photos answered rightly; {lowest:.1f} to {highest:.1f} % is its 95 % interval",
        ),
        (
            "log-loss",
            f"{metrics.log_loss:.4f} nats",
            "punishes what is said with confidence and wrong; 0.6931 is guessing, 0 is perfect",
        ),
        *_by_label(metrics),
        *_calibration(metrics),
        *_unknown(metrics),
    ]
    answers = list(dict.fromkeys(answer for row in metrics.confusion.values() for answer in row))
    confusion = [
        (f"**{label}**", *(str(row.get(answer, 0)) for answer in answers))
        for label, row in metrics.confusion.items()
    ]
    return (
        "Measured on the validation photos, by the files beside this card and the code that serves them.\n\n"
        f"{table(('metric', 'value', 'what it says'), rows)}\n"
        f"Photos by label (rows) and answer (columns):\n\n{table(('', *answers), confusion)}"
    )


def _int8_cost(cost: Int8Cost | None) -> Iterator[str]:
    if cost is None:
        return
    rows = (
        ("int8", str(cost.correct), _percent(cost.correct, cost.photos), str(cost.only_int8)),
        (
            "float32",
            str(cost.float32_correct),
            _percent(cost.float32_correct, cost.photos),
            str(cost.only_float32),
        ),
    )
    is_less = "less than" if cost.is_too_much else "not less than"
    serves = "float32 serves" if cost.is_too_much else "int8 serves, which is faster"
    yield "## What int8 costs\n"
    yield (
        f"Heads that learnt from the same {cost.training_photos} training photos, on the network in int8 and "
        f"in float32, were asked about the same {cost.photos} validation photos:\n\n"
        f"{table(('the network in', 'right', 'accuracy', 'right alone'), rows)}\n"
        f"By McNemar's exact test, one-sided, p is {cost.p_value:.3g}, {is_less} {cost.level:g}: {serves}.\n"
    )


def _by_label(metrics: Metrics) -> Iterator[tuple[str, str, str]]:
    for label, row in metrics.confusion.items():
        found, answered = row[label], sum(other.get(label, 0) for other in metrics.confusion.values())
        yield f"recall of {label}s", _percent(found, sum(row.values())), f"{label}s that are called a {label}"
        yield f"precision of {label}s", _percent(found, answered), f"what is called a {label} and is one"


def _calibration(metrics: Metrics) -> Iterator[tuple[str, str, str]]:
    if (calibration := metrics.calibration) is not None:
        says = "by how much confidence and the share that is right differ in the mean; uncalibrated"
        yield (
            "calibration error",
            f"{100 * calibration.error_after:.1f} %",
            f"{says} {100 * calibration.error_before:.1f} %",
        )


def _unknown(metrics: Metrics) -> Iterator[tuple[str, str, str]]:
    if metrics.unknown is not None:
        share = f"{_percent(metrics.unknown, metrics.photos)} ({metrics.unknown} of {metrics.photos})"
        yield "unknown", share, "validation photos answered `unknown`; above they count by the likelier label"


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "–"


def _comparison(comparison: ChampionComparison | None) -> str:
    if comparison is None:
        return "It is compared with none: no version served when its training began, or it was not whole.\n"
    if comparison.photos == 0:
        return f"Version {comparison.champion} learnt from all of the photos: the two can't be compared.\n"
    rows = (
        ("this version", str(comparison.correct), _percent(comparison.correct, comparison.photos)),
        (
            f"version {comparison.champion}",
            str(comparison.champion_correct),
            _percent(comparison.champion_correct, comparison.photos),
        ),
    )
    return (
        f"On {comparison.photos} validation photos, of which version {comparison.champion} learnt none:\n\n"
        f"{table(('', 'right', 'accuracy'), rows)}"
    )


def _limits(metadata: ModelMetadata) -> Iterator[str]:
    labels = " and ".join(metadata.labels)
    size = metadata.settings.image_size
    yield f"It knows {labels}, neither breeds nor single animals."
    if metadata.unknown is None:
        yield "It never answers `unknown`: whatever else a picture shows, it calls it one of the two."
    else:
        yield "What else a picture shows it should answer with `unknown`: how often it does was not measured."
    yield "Of a picture with both in it, or several animals, it says one thing, and that was not measured."
    yield f"It sees a picture squashed to {size} × {size} pixels: a small animal in a large picture is lost."
    yield "The numbers hold for pictures like the validation photos; drawings or other scenes may do worse."
    yield (
        "Its probabilities hold where one label is as frequent as the other: a rare one is found with too "
        "much confidence."
    )
