"""The tables of what was measured of trainings."""

from collections.abc import Sequence

from rich.table import Table

from tests.benchmarks.tables import new_table
from tests.benchmarks.training.figures import Accuracy, Repeated, SettingsFigures, SpeedFigures


def accuracies_table(accuracies: Sequence[Accuracy]) -> Table:
    """Return how often exported versions are right."""
    title = "How often exported versions are right"
    table = new_table(
        title, "learnt from → judged by", "network", "variant", "right", "wrong", "log-loss", "unknown"
    )
    for each in accuracies:
        table.add_row(
            each.task,
            each.architecture,
            each.variant,
            f"{each.share:.2%}",
            f"{each.photos - each.correct} of {each.photos}",
            f"{each.log_loss:.4f}",
            f"{each.unknown / each.photos:.1%}",
        )
    return table


def sizes_table(figures: SpeedFigures, projected: int) -> Table:
    """Return what trainings on more and more photos take, and the projection to still more."""
    title = (
        f"{figures.architecture}, on a claim that has its trunk: by {figures.seconds_a_photo * 1000:.1f} "
        f"ms a photo (at most {figures.bend:.0%} off the line), {projected:,} photos would take "
        f"{figures.projected_seconds(projected):.0f} s"
    )
    columns = (
        "photos",
        "s",
        "photos/s in Features",
        "peak MB",
        "of no file, MB",
        "again, s",
        "× faster",
        "again, peak MB",
        "of no file, MB",
    )
    table = new_table(title, *columns)
    for each in figures.sizes:
        table.add_row(
            f"{each.photos:,}",
            f"{each.first.seconds:.1f}",
            f"{each.photos / each.first.stages['Features']:.0f}",
            f"{each.first.peak_megabytes:.0f}",
            f"{each.first.anonymous_megabytes:.0f}",
            f"{each.again.seconds:.1f}",
            f"{each.first.seconds / each.again.seconds:.1f}",
            f"{each.again.peak_megabytes:.0f}",
            f"{each.again.anonymous_megabytes:.0f}",
        )
    return table


def stages_table(repeated: Repeated) -> Table:
    """Return where the time of a training goes, and of another one on the same photos."""
    table = new_table(f"Stage by stage, {repeated.photos:,} photos", "stage", "s", "again, s")
    for stage, seconds in repeated.first.stages.items():
        table.add_row(stage, f"{seconds:.1f}", f"{repeated.again.stages.get(stage, 0.0):.1f}")
    return table


def settings_table(settings: Sequence[SettingsFigures]) -> Table:
    """Return what TensorFlow takes under its settings."""
    columns = (
        "threads",
        "oneDNN",
        "conversion, s",
        "frozen network in Keras, photos/s",
    )
    table = new_table("TensorFlow's settings", *columns)
    for each in settings:
        table.add_row(
            str(each.threads),
            "on" if each.onednn else "off",
            f"{each.times.conversion_seconds:.1f}",
            f"{each.times.frozen_photos_per_second:.0f}",
        )
    return table
