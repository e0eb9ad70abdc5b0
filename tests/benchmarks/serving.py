"""How fast a worker decodes and predicts without Kafka: each step beside the plain way, in one run.

    python -m tests.benchmarks.serving VERSION_DIRECTORY PHOTO_DIRECTORY [--photos 500] [--output FILE]

The baseline takes one photo after the other, decodes all of it with Pillow, and predicts. Every way gives
its answers by the same files of a published version; how many differ from the baseline's is in the table.
"""

import asyncio
import io
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter, process_time

import click
import msgspec
import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table

from catdog_common.images import decode_image
from catdog_common.predictor import Predictor
from catdog_common.processors import available_processors
from catdog_inference.classify import Classifier, Prediction
from catdog_inference.health import Health
from catdog_inference.metrics import Metrics

BATCH = 32
BASELINE = "one at a time, decoded whole"

Way = Callable[[Sequence[bytes]], list[str]]


class Result(msgspec.Struct):
    """What one way took for all photos."""

    way: str
    photos_per_second: float
    processor_milliseconds: float  # a photo, of all threads
    times_the_baseline: float
    other_answers: int


def ways(predictor: Predictor, classifier: Classifier) -> dict[str, Way]:
    """Return the ways to compare, the baseline first."""
    side = predictor.image_size

    def label(image: np.typing.NDArray[np.uint8]) -> str:
        return predictor.answer([image]).labels[0]

    def whole(photo: bytes) -> np.typing.NDArray[np.uint8]:
        with Image.open(io.BytesIO(photo)) as image:
            return np.asarray(image.convert("RGB").resize((side, side), Image.Resampling.BICUBIC))

    def in_batches(photos: Sequence[bytes]) -> list[str]:
        return asyncio.run(_classify(classifier, photos))

    return {
        BASELINE: lambda photos: [label(whole(photo)) for photo in photos],
        "one at a time, scaled while decoding": lambda photos: [
            label(decode_image(photo, side)) for photo in photos
        ],
        f"the worker's: batches of {BATCH}, decoded in threads": in_batches,
    }


async def _classify(classifier: Classifier, photos: Sequence[bytes]) -> list[str]:
    batches = [photos[start : start + BATCH] for start in range(0, len(photos), BATCH)]
    decoded = [await asyncio.gather(*map(classifier.decode, batch)) for batch in batches]
    verdicts = [verdict for batch in decoded for verdict in await classifier.predict(batch)]
    return [verdict.label if isinstance(verdict, Prediction) else verdict.reason for verdict in verdicts]


def measure(ways: dict[str, Way], photos: Sequence[bytes], rounds: int) -> list[Result]:
    """Run every way `rounds` times, by turns, and keep the fastest of each."""
    best: dict[str, tuple[float, float, list[str]]] = {}
    for _ in range(rounds):
        for name, way in ways.items():
            start, processor = perf_counter(), process_time()
            answers = way(photos)
            took = (perf_counter() - start, process_time() - processor, answers)
            best[name] = min(best.get(name, took), took)
    baseline = best[BASELINE]
    return [
        Result(
            way=name,
            photos_per_second=len(photos) / seconds,
            processor_milliseconds=1000 * processor / len(photos),
            times_the_baseline=baseline[0] / seconds,
            other_answers=sum(a != b for a, b in zip(answers, baseline[2], strict=True)),
        )
        for name, (seconds, processor, answers) in best.items()
    ]


def as_table(results: Sequence[Result], title: str) -> Table:
    """Return the results for people."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for column in ("way", "photos/s", "ms of processor", "× the baseline", "other answers"):
        table.add_column(column, justify="left" if column == "way" else "right")
    for each in results:
        table.add_row(
            each.way,
            f"{each.photos_per_second:.0f}",
            f"{each.processor_milliseconds:.1f}",
            f"{each.times_the_baseline:.2f}",
            str(each.other_answers),
        )
    return table


@click.command(help=__doc__)
@click.argument("version", type=click.Path(path_type=Path, exists=True))
@click.argument("directory", type=click.Path(path_type=Path, exists=True))
@click.option("--photos", "count", default=500, show_default=True)
@click.option("--rounds", default=3, show_default=True)
@click.option("--output", type=click.Path(path_type=Path), help="Write the results there, as JSON.")
def main(version: Path, directory: Path, count: int, rounds: int, output: Path | None) -> None:
    """Measure, print a table, and write JSON."""
    files = sorted(file for file in directory.rglob("*") if file.suffix.lower() in {".jpg", ".jpeg"})
    photos = [file.read_bytes() for file in files[:: max(1, len(files) // count)][:count]]
    processors = available_processors()
    predictor = Predictor.load(version, processors)
    with ThreadPoolExecutor(processors) as decoding, ThreadPoolExecutor(1) as predicting:
        classifier = Classifier(
            predictor,
            max_image_bytes=max(map(len, photos)),
            decoding=decoding,
            predicting=predicting,
            metrics=Metrics(),
            health=Health(),
        )
        results = measure(ways(predictor, classifier), photos, rounds)
    size = sum(map(len, photos)) / len(photos) / 1000
    settings = predictor.metadata.settings
    title = f"{len(photos)} photos of {size:.0f} kB, {settings.architecture}, {processors} processors"
    Console().print(as_table(results, title))
    if output:
        output.write_text(json.dumps([msgspec.to_builtins(each) for each in results], indent=1))


if __name__ == "__main__":
    main()
