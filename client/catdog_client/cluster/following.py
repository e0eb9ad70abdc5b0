"""Follows a model until something holds: drawn anew on a terminal, else a line for each change."""

from collections.abc import Callable
from datetime import UTC, datetime

from rich.console import Console
from rich.live import Live

from catdog_client.cluster.model import Model, read_model
from catdog_client.cluster.models import Models
from catdog_client.cluster.rendering import describe, render_model
from catdog_client.errors import ClientError
from catdog_client.terminal import is_screen, make_console


def follow_model(
    models: Models,
    name: str,
    holds: Callable[[Model], bool],
    show: Callable[[Model], None],
    seconds: float,
) -> Model:
    """Show a model whenever it has changed; return it once `holds` is true of it.

    Raises:
        ClientError: that was not so within `seconds`, or the model can't be followed.
    """
    last: Model | None = None
    for body in models.follow(name, seconds):
        last = read_model(body)
        show(last)
        if holds(last):
            return last
    at = f"; {describe(last, datetime.now(UTC))}" if last else ""
    raise ClientError(f"not within the {seconds:g} s of --timeout{at}")


def follow_on(
    console: Console, models: Models, name: str, holds: Callable[[Model], bool], seconds: float
) -> Model:
    """Follow a model on a terminal or into a log, until `holds` is true of it.

    Raises:
        ClientError: that was not so within `seconds`, or the model can't be followed.
    """
    if not is_screen(console):
        return follow_model(models, name, holds, _Lines(console), seconds)
    with Live(console=console) as live:

        def draw(model: Model) -> None:
            live.update(render_model(model, datetime.now(UTC)), refresh=True)

        return follow_model(models, name, holds, draw, seconds)


def await_model(models: Models, name: str, holds: Callable[[Model], bool], seconds: float) -> Model:
    """Follow a model that was edited, on standard error, until `holds` is true of it.

    Raises:
        ClientError: that was not so within `seconds`, the model can't be followed, or Ctrl-C ended it.
    """
    try:
        return follow_on(make_console(stderr=True), models, name, holds, seconds)
    except KeyboardInterrupt:
        follows = f"`catdog status {name} --watch`"
        raise ClientError(f"it is waited for no longer, and goes on: {follows} follows it") from None


class _Lines:
    """Writes a line where it differs from the one before."""

    def __init__(self, console: Console) -> None:
        self._console, self._last = console, ""

    def __call__(self, model: Model) -> None:
        now = datetime.now(UTC)
        line = describe(model, now)
        if line != self._last:
            self._console.print(f"{now:%H:%M:%S} {line}", markup=False, soft_wrap=True)
        self._last = line
