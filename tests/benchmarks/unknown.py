"""What share of pets and of other pictures a version calls unknown, beside simpler rules, in one run.

    python -m tests.benchmarks.unknown VERSION_DIRECTORY --pets DIR --others DIR [--output FILE]

Both may be given more than once. The simpler rules are either number of the version's rule by itself. Their
thresholds let as many of the first pets pass as the version's own does, so they know these pets, and the
version does not: a difference in their favour may come from that. It also times the rule beside the trunk.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from time import perf_counter

import click
import msgspec
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from catdog_common.predictor import Predictor
from catdog_common.processors import available_processors
from catdog_common.unknown import PetScorer, pet_log_odds

SUFFIXES = {".jpg", ".jpeg", ".png"}
BATCH = 32


class Result(msgspec.Struct):
    """What share of a folder's pictures is unknown, by the version and by each number alone."""

    folder: str
    has_pets: bool
    pictures: int
    unknown: float
    by_classes_alone: float
    by_distance_alone: float


class Timing(msgspec.Struct):
    """Milliseconds a picture, in batches of 32."""

    trunk: float
    rule: float


class Scored(msgspec.Struct):
    """Pictures of one folder, by the rule's numbers: the higher, the more like a pet."""

    scores: NDArray[np.float64]
    log_odds: NDArray[np.float64]
    nearness: NDArray[np.float64]


def score(predictor: Predictor, scorer: PetScorer, files: Sequence[Path]) -> tuple[Scored, Timing]:
    """Pass pictures through the trunk and the rule, and time both."""
    parts: list[Scored] = []
    in_trunk = in_rule = 0.0
    for start in range(0, len(files), BATCH):
        images = [predictor.decode(path.read_bytes()) for path in files[start : start + BATCH]]
        began = perf_counter()
        outputs = [predictor.run(image) for image in images]
        in_trunk += perf_counter() - began
        began = perf_counter()
        log_odds = pet_log_odds(np.stack([np.asarray(output.class_probabilities) for output in outputs]))
        distances = scorer.distances(np.stack([output.features for output in outputs]))
        scores = scorer.scores(log_odds, distances)
        in_rule += perf_counter() - began
        parts.append(Scored(scores, log_odds, -distances))
    joined = (np.concatenate([getattr(part, name) for part in parts]) for name in Scored.__struct_fields__)
    return Scored(*joined), Timing(1000 * in_trunk / len(files), 1000 * in_rule / len(files))


def compare(scorer: PetScorer, scored: Sequence[tuple[str, bool, Scored]]) -> list[Result]:
    """Return a row for each folder, the first of pets giving the simpler rules their thresholds."""
    reference = next(each for _, has_pets, each in scored if has_pets)
    share = float(np.mean(reference.scores < scorer.rule.threshold))
    by_classes, by_distance = (_at(values, share) for values in (reference.log_odds, reference.nearness))
    return [
        Result(
            folder=folder,
            has_pets=has_pets,
            pictures=len(each.scores),
            unknown=float(np.mean(each.scores < scorer.rule.threshold)),
            by_classes_alone=float(np.mean(each.log_odds < by_classes)),
            by_distance_alone=float(np.mean(each.nearness < by_distance)),
        )
        for folder, has_pets, each in scored
    ]


def _at(values: NDArray[np.float64], share: float) -> float:
    return float(np.sort(values)[round(share * len(values))])


def as_table(results: Iterable[Result], title: str) -> Table:
    """Return the results for people."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    columns = ("folder", "pictures", "unknown", "by ImageNet's classes alone", "by distance alone")
    for column in columns:
        table.add_column(column, justify="left" if column == "folder" else "right")
    for each in results:
        shares = (each.unknown, each.by_classes_alone, each.by_distance_alone)
        kind = "pets" if each.has_pets else "no pets"
        table.add_row(f"{each.folder} ({kind})", str(each.pictures), *(f"{share:.1%}" for share in shares))
    return table


Folders = tuple[Path, ...]
FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)


@click.command(help=__doc__)
@click.argument("version", type=FOLDER)
@click.option("--pets", type=FOLDER, multiple=True, required=True, help="Cats and dogs of no training.")
@click.option("--others", type=FOLDER, multiple=True, required=True, help="Neither cat nor dog.")
@click.option("--output", type=click.Path(path_type=Path), help="Write the results there, as JSON.")
def main(version: Path, pets: Folders, others: Folders, output: Path | None) -> None:
    """Score all pictures, print a table, and write JSON."""
    predictor = Predictor.load(version, available_processors())
    rule = predictor.metadata.unknown
    if rule is None:
        raise click.ClickException(f"{version} never answers unknown: it has no rule for it")
    scorer = PetScorer(rule)
    scored: list[tuple[str, bool, Scored]] = []
    timings: list[Timing] = []
    for folder in (*pets, *others):
        files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
        if not files:
            raise click.ClickException(f"{folder} has no pictures")
        numbers, timing = score(predictor, scorer, files)
        scored.append(("/".join(folder.parts[-2:]), folder in pets, numbers))
        timings.append(timing)
    results = compare(scorer, scored)
    metrics, settings = predictor.metadata.metrics, predictor.metadata.settings
    title = (
        f"{settings.architecture}: by {rule.measured_on} photos ({rule.of_training} of training), "
        f"{metrics.unknown} of {metrics.photos} validation photos unknown"
    )
    Console().print(as_table(results, title))
    trunk, ours = (float(np.median([getattr(each, name) for each in timings])) for name in ("trunk", "rule"))
    Console().print(f"a picture: trunk {trunk:.2f} ms, rule {ours:.3f} ms ({ours / trunk:.2%})")
    if output:
        output.write_text(json.dumps([msgspec.to_builtins(each) for each in results], indent=1))


if __name__ == "__main__":
    main()
