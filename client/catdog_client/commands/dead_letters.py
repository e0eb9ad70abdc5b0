"""`catdog dead-letters`: lists what could not be answered, saves the bytes, and sends them again."""

import asyncio
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import msgspec

from catdog_client.dead_letter import DeadLetter, as_table, read_dead_letter, saved_name
from catdog_client.dead_letter_options import Chosen, choose, choosing
from catdog_client.errors import ClientError
from catdog_client.exchange import Record
from catdog_client.model_kafka import ModelKafka
from catdog_client.reading import read_present
from catdog_client.resending import lost, producing, resend
from catdog_client.saving import save_new
from catdog_client.terminal import make_console


@click.group("dead-letters")
def dead_letters() -> None:
    """List what could not be answered, save it, or send it again.

    MODEL is a CatDogModel, whose status.kafka says where its Kafka is, and the topics, but for what the
    options before the command say; without MODEL they say all. Nothing is removed: Kafka keeps dead letters
    for as long as their topic is told to.
    """


@dead_letters.command("list")
@choosing
def list_(kafka: ModelKafka | None, /, output: str, **choice: Any) -> None:  # noqa: ANN401 - the options of choosing
    """List the dead letters of MODEL, the oldest first.

    SIZE is that of the image, in bytes; RESENT says how often it was sent again before.
    """
    chosen = choose(kafka, **choice)
    found = asyncio.run(_list(chosen))
    if output == "json":
        for letter in found:
            click.echo(msgspec.json.encode(letter))
    elif found:
        make_console().print(as_table(found))
    else:
        click.echo(f"there are no such dead letters in topic {chosen.config.dead_letter_topic}")
    _end(chosen.selection.missing(found), failed=False)


@dead_letters.command()
@choosing
@click.option(
    "--to",
    "directory",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="A folder; it is made where it is not there.",
)
def save(kafka: ModelKafka | None, /, directory: Path, output: str, **choice: Any) -> None:  # noqa: ANN401 - the options of choosing
    """Save the bytes of dead letters into a folder, each in a file of its own.

    A file is named by its place, PARTITION-OFFSET, and what the sender called it. No file that is there is
    written over.
    """
    chosen = choose(kafka, **choice)
    done = asyncio.run(_save(chosen, directory, output))
    if output == "table":
        click.echo(f"{done.told} are in {directory}")
    _end(chosen.selection.missing(done.found), failed=done.failed)


@dead_letters.command("resend")
@choosing
@click.option("--all", "everything", is_flag=True, help="All that there are, where nothing chooses some.")
@click.option("--again", is_flag=True, help="Also those that were sent again before, and failed anew.")
def resend_(
    kafka: ModelKafka | None,
    /,
    output: str,
    *,
    everything: bool,
    again: bool,
    **choice: Any,  # noqa: ANN401 - the options of choosing
) -> None:
    """Send dead letters to the input topic again.

    With their key and their headers: those that lie there as the command begins, and that --reason,
    --offset or --since choose, or all by --all.

    Each carries a header catdog-resent, which counts, and catdog-resent-from, its place among the dead
    letters. What fails once more has them there, and is only sent again with --again. The dead letters stay:
    the same command would send them once more.
    """
    if not everything and not any(choice[name] for name in ("reasons", "spans", "since")):
        raise click.UsageError("say which: --reason, --offset, --since, or --all")
    chosen = choose(kafka, **choice)
    done = asyncio.run(_resend(chosen, again=again, output=output))
    if output == "table":
        click.echo(f"{done.told} were sent to topic {chosen.config.input_topic} again")
    _end(chosen.selection.missing(done.found), failed=done.failed)


@dataclass
class _Done:
    """What became of the dead letters that were chosen."""

    found: list[DeadLetter] = field(default_factory=list)
    left: int = 0  # of them, not saved or not sent
    failed: bool = False  # and not for a reason that is as it should be

    @property
    def told(self) -> str:
        """How many it was done with."""
        return f"{len(self.found) - self.left} of {len(self.found)} dead letters"

    def leave(self, *, failed: bool = True) -> None:
        """Note that it was not done with one."""
        self.left += 1
        self.failed |= failed


async def _chosen_records(chosen: Chosen) -> AsyncGenerator[tuple[DeadLetter, Record], None]:
    config, selection = chosen
    records = read_present(config, config.dead_letter_topic, selection.since, selection.bounds())
    async with aclosing(records):
        async for record in records:
            if selection.takes(letter := read_dead_letter(record)):
                yield letter, record


async def _list(chosen: Chosen) -> list[DeadLetter]:
    async with aclosing(_chosen_records(chosen)) as records:
        found = [letter async for letter, _ in records]
    return sorted(found, key=lambda letter: (letter.time, letter.partition, letter.offset))


async def _save(chosen: Chosen, directory: Path, output: str) -> _Done:
    done = _Done()
    async with aclosing(_chosen_records(chosen)) as records:
        async for letter, record in records:
            done.found.append(letter)
            file = directory / saved_name(letter)
            error = "its bytes are not there" if letter.size is None else save_new(file, record.value)
            if error is not None:
                done.leave()
            _tell(letter, output, error, {"file": str(file)})
    return done


async def _resend(chosen: Chosen, *, again: bool, output: str) -> _Done:
    done = _Done()
    try:
        await _resend_all(chosen, done, again=again, output=output)
    except ClientError as stop:
        if not done.found:
            raise
        raise ClientError(f"{stop}; {done.told} were sent before") from stop
    return done


async def _resend_all(chosen: Chosen, done: _Done, *, again: bool, output: str) -> None:
    async with producing(chosen.config) as producer, aclosing(_chosen_records(chosen)) as records:
        async for letter, record in records:
            done.found.append(letter)
            if letter.resent and not again:
                done.leave(failed=False)
                _tell(letter, output, "was sent again before, and failed anew; --again sends it all the same")
                continue
            try:
                error = lost(letter) or await resend(producer, record, chosen.config.input_topic)
            except ClientError as stop:
                done.leave()
                raise ClientError(f"{stop} (at {letter.partition}:{letter.offset})") from stop
            if error is not None:
                done.leave()
            _tell(letter, output, error)


def _tell(letter: DeadLetter, output: str, error: str | None, more: dict[str, str] | None = None) -> None:
    """Say what became of a dead letter: on a terminal only of what went wrong."""
    if output == "json":
        told = msgspec.to_builtins(letter) | ({"error": error} if error else more or {})
        click.echo(msgspec.json.encode(told))
    elif error:
        click.echo(f"{letter.partition}:{letter.offset} {error}", err=True)


def _end(missing: list[str], *, failed: bool) -> None:
    for place in missing:
        click.echo(f"{place} is no dead letter of this model that the topic still has", err=True)
    if missing or failed:
        sys.exit(1)
