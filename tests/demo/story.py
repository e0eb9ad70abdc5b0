"""The demo, step by step; each step shows its command, its effect, and checks what was promised."""

import json
import shutil
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from rich.table import Table

from catdog_common.artifact import EVALUATION_FILE, MODEL_CARD_FILE, PLOT_FILE, UNKNOWN
from tests.cluster.instance import Instance
from tests.cluster.waiting import PATIENCE_SECONDS
from tests.demo.model import Status, wait_until_ready, watched_readiness
from tests.demo.photo_sets import LabelledPhoto, PhotoSet
from tests.demo.terminal import Terminal
from tests.demo.traffic import SteadyTraffic

MANIFESTS = Path(__file__).parent / "manifests"
NAMESPACE = "kafka"
MODEL = "pets"
SENT = 40
RATE = 5  # photos a second
DUE_ANSWERS = 10  # of the old version, while the new one trains, if that takes some seconds
LAST_ANSWERS = 10  # of the new version, before the traffic stops
SETTLING = timedelta(seconds=2)  # a Job's times are whole seconds, and answers are on their way


class PromiseBrokenError(Exception):
    """Something that the demo is there to show did not happen."""


def tell(terminal: Terminal, instance: Instance, photos: PhotoSet, directory: Path) -> None:
    """Run every step.

    Raises:
        PromiseBrokenError: what a step promises did not happen; the message says what.
    """
    folders = lay_out(photos, directory)
    clear(terminal)
    bring_photos(terminal, instance, folders["photos"], len(photos.training))
    apply_and_train(terminal, instance)
    send_held_out(terminal, photos.held_out[:SENT], folders["held-out"])
    send_no_image(terminal, directory)
    scale(terminal)
    train_again_under_traffic(terminal, folders["held-out"])


def draw_photos(directory: Path) -> Path:
    """Draw cats and dogs into folders `cat` and `dog` of `directory`; return it."""
    from catdog_trainer.data.drawings import write_drawings

    write_drawings(directory, per_class=300, seed=7)
    return directory


def lay_out(photos: PhotoSet, directory: Path) -> dict[str, Path]:
    """Copy the photos to folders: `photos/{cat,dog}` to train on, and those held out, named by number."""
    folders = {"photos": directory / "photos", "held-out": directory / "held-out"}
    for photo in photos.training:
        _copy(photo.path, folders["photos"] / photo.label / photo.path.name)
    for number, photo in enumerate(photos.held_out):
        _copy(photo.path, folders["held-out"] / held_out_name(number, photo))
    return folders


def held_out_name(number: int, photo: LabelledPhoto) -> str:
    """Return the file name of a photo that was held out; it tells people what to expect, and no one else."""
    return f"{number:03}-{photo.label}{photo.path.suffix.lower()}"


def clear(terminal: Terminal) -> None:
    """Take away what an earlier run left."""
    topics = [f"kafkatopic/{MODEL}-{role}" for role in ("images", "predictions", "dead-letters")]
    claims = [f"pvc/{MODEL}-models", "pvc/photos"]
    leftovers = " ".join([f"catdogmodel/{MODEL}", "pod/photo-loader", *claims, *topics])
    if terminal.read(f"kubectl get {leftovers} --ignore-not-found -o name"):
        terminal.heading("An earlier run left a model here: away with it, and with its claims and topics")
        terminal.run(f"kubectl delete {leftovers} --ignore-not-found --cascade=foreground")


def bring_photos(terminal: Terminal, instance: Instance, folder: Path, count: int) -> None:
    """Copy the training photos to a claim, as one would to any cluster's."""
    terminal.heading(f"1. Photos: {count} of them onto a claim, folders cat/ and dog/")
    manifest = (
        (MANIFESTS / "photos.yaml")
        .read_text()
        .replace("${INFERENCE_IMAGE}", instance.images["catdog-inference"])
    )
    terminal.run("kubectl apply -f -", shown="kubectl apply -f photos.yaml", stdin=manifest)
    terminal.run("kubectl wait pod/photo-loader --for=condition=Ready --timeout=240s")
    terminal.run(
        f"kubectl cp {folder}/. photo-loader:/photos",
        shown="kubectl cp photos/. photo-loader:/photos",
    )
    terminal.run("kubectl delete pod/photo-loader --wait=false")


def apply_and_train(terminal: Terminal, instance: Instance) -> Status:
    """Apply the resource and await version 1, with progress; then show its figures and fetch its pictures."""
    terminal.heading("2. A CatDogModel, applied: it trains, keeps version 1, and serves it")
    terminal.run(f"cat {MANIFESTS / 'pets.yaml'}", shown="cat pets.yaml")
    terminal.run(f"kubectl apply -f {MANIFESTS / 'pets.yaml'}", shown="kubectl apply -f pets.yaml")
    status = wait_until_ready(terminal, MODEL, version=1)
    terminal.run("kubectl get catdogmodels")
    version = f"/models/{MODEL}/versions/1"
    for name in (PLOT_FILE, EVALUATION_FILE, MODEL_CARD_FILE):
        terminal.run(
            f"kubectl exec deploy/{MODEL}-inference -- cat {version}/{name} > {instance.state_dir / name}"
        )
    terminal.say(f"The curves of its training, its evaluation and its card are in {instance.state_dir}")
    return status


def send_held_out(terminal: Terminal, photos: tuple[LabelledPhoto, ...], folder: Path) -> None:
    """Send photos that were in no split through Kafka; show the answers, and how many are right."""
    terminal.heading(f"3. {len(photos)} photos that it has never seen, through Kafka")
    files = [held_out_name(number, photo) for number, photo in enumerate(photos)]
    command = f"catdog send --wait --timeout={PATIENCE_SECONDS:.0f} --output json {' '.join(files)}"
    shown = f"cd held-out; catdog send --wait --output json {files[0]} ... {files[-1]}"
    answers = answers_in(terminal.read(f"cd {folder} && {command}", shown=shown))
    labels = dict(zip(files, (photo.label for photo in photos), strict=True))
    right = sum(answer.get("label") == labels[answer["file"]] for answer in answers)
    terminal.console.print(_answers_table(answers, labels))
    unknown = sum(answer.get("label") == UNKNOWN for answer in answers)
    terminal.say(f"{right} of {len(files)} are right, {unknown} unknown to it.")
    _promise(len(answers) == len(files), f"{len(files)} photos were sent and {len(answers)} answered")


def send_no_image(terminal: Terminal, directory: Path) -> None:
    """Send a file that is no image, and find it in the dead letters."""
    terminal.heading("4. A file that is no image: it goes to the dead letters, and nothing stops")
    (directory / "shopping-list.txt").write_text("milk, cat food\n")
    command = "catdog send --wait --output json shopping-list.txt"
    patient = command.replace("--wait", f"--wait --timeout={PATIENCE_SECONDS:.0f}")
    [answer] = answers_in(terminal.read(f"cd {directory} && {patient} || echo", shown=command))
    terminal.say(json.dumps(answer, indent=1))
    _promise("error" in answer, "a file that is no image was answered as if it were one")


def scale(terminal: Terminal) -> None:
    """Scale to two workers by the scale subresource."""
    terminal.heading("5. More of it: two workers share the topic's partitions")
    terminal.run(f"kubectl scale catdogmodel/{MODEL} --replicas=2")
    ready = "--for=jsonpath='{.status.inference.readyReplicas}'=2"
    terminal.run(f"kubectl wait catdogmodel/{MODEL} {ready} --timeout=240s")
    terminal.run("kubectl get catdogmodels")


def train_again_under_traffic(terminal: Terminal, folder: Path) -> None:
    """Edit the training while photos come in; version 1 answers till version 2 is ready, and none is lost."""
    terminal.heading(f"6. An edit trains version 2, while {RATE} photos a second go on being answered")
    traffic = SteadyTraffic.start(terminal, f"{folder}/*", RATE)
    with traffic, watched_readiness(terminal, MODEL) as readiness:
        traffic.wait_until(lambda: len(traffic.answers_of(1)) > 0, PATIENCE_SECONDS, "a first answer")
        patch = json.dumps({"spec": {"training": {"epochs": 30}}})
        terminal.run(f"kubectl patch catdogmodel/{MODEL} --type=merge --patch '{patch}'")
        wait_until_ready(terminal, MODEL, version=2)
        traffic.wait_until(
            lambda: len(traffic.answers_of(2)) >= LAST_ANSWERS, PATIENCE_SECONDS, "version 2's answers"
        )
        exit_code = traffic.stop()
    terminal.run("kubectl get catdogmodels")
    _judge_traffic(terminal, traffic, exit_code, readiness)


def _judge_traffic(terminal: Terminal, traffic: SteadyTraffic, exit_code: int, readiness: list[int]) -> None:
    started, completed = _job_times(terminal)
    meanwhile = sum(started <= arrival.time <= completed for arrival in traffic.answers_of(1))
    sent = {arrival.answer.get("id") for arrival in traffic.arrivals}
    failed = [arrival.answer for arrival in traffic.arrivals if "error" in arrival.answer]
    answered, old, new = len(sent) - len(failed), len(traffic.answers_of(1)), len(traffic.answers_of(2))
    terminal.say(
        f"Sent {len(sent)}, answered {answered}: {old} by version 1, of which {meanwhile} while version 2 "
        f"trained, and {new} by version 2. Never fewer than {min(readiness)} workers were ready."
    )
    _promise(exit_code == 0 and not failed, f"photos were not answered: {failed[:3]}")
    # Half of what is sent meanwhile, or some: trainer, worker and sender may share few processors.
    due = min(DUE_ANSWERS, RATE * max(timedelta(), completed - started - SETTLING).total_seconds() / 2)
    _promise(
        meanwhile >= due,
        f"version 1 gave {meanwhile} answers while version 2 trained, where {due:.0f} were due",
    )
    _promise(min(readiness) > 0, "for a moment no worker was ready")


def _job_times(terminal: Terminal) -> tuple[datetime, datetime]:
    jobs = json.loads(terminal.read(f"kubectl get jobs -l catdog.dev/model={MODEL} -o json"))["items"]
    latest = max(jobs, key=lambda job: str(job["status"]["startTime"]))
    start, end = latest["status"]["startTime"], latest["status"]["completionTime"]
    return datetime.fromisoformat(start), datetime.fromisoformat(end)


def answers_in(text: str) -> list[dict[str, Any]]:
    """Parse what `catdog send --output json` printed."""
    return [json.loads(line) for line in text.splitlines() if line]


def _answers_table(answers: list[dict[str, Any]], labels: dict[str, str]) -> Table:
    table = Table(box=None, header_style="bold")
    for column in ("PHOTO", "ANSWER", "PROBABILITY", "VERSION", "PARTITION", "RIGHT"):
        table.add_column(column)
    for answer in answers:
        label = answer.get("label", "error")
        probability = max(answer.get("probabilities", {"": 0.0}).values())
        right = "✓" if label == labels[answer["file"]] else "?" if label == UNKNOWN else "[red]✗[/red]"
        table.add_row(
            answer["file"],
            label,
            f"{probability:.3f}",
            str(answer.get("version")),
            str(answer["partition"]),
            right,
        )
    return table


def _promise(holds: bool, otherwise: str) -> None:  # noqa: FBT001 - reads as a sentence
    if not holds:
        raise PromiseBrokenError(otherwise)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
