import io
import re
from collections.abc import Iterator
from typing import Any

import pytest
from rich.console import Console

from catdog_client.cluster.decisions import is_settled
from catdog_client.cluster.following import await_model, follow_on
from catdog_client.cluster.models import Body, Models
from catdog_client.errors import ClientError
from tests.unit.client.builders import PROGRESS, SERVING


class Changing(Models):
    """Models of which one changes as it is told."""

    def __init__(self, *statuses: dict[str, Any]) -> None:
        self._statuses = statuses

    def follow(self, name: str, seconds: float = 0) -> Iterator[Body]:
        """Yield each state."""
        assert seconds
        for each in self._statuses:
            metadata = {"name": name, "namespace": "kafka", "generation": 4}
            yield {"metadata": metadata, "spec": {}, "status": {**SERVING, **each}}


class Screen(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        """Whether it is one."""
        return True


def test_a_terminal_shows_the_bar_and_at_last_how_it_ended() -> None:
    file = Screen()
    console = Console(file=file, width=100, color_system=None, highlight=False)
    models = Changing({"phase": "Training", "progress": PROGRESS}, {}, {"phase": "Failed"})
    ended = follow_on(console, models, "pets", is_settled, 5.0)
    assert ended.status.phase == "Serving"
    shown = file.getvalue()
    assert "Epochs 7/20" in shown
    assert "━━━━" in shown
    assert "pets in kafka: Serving" in shown
    assert "in kafka: Failed" not in shown, "it is not followed further"


def test_a_pipe_gets_a_line_for_each_change_whatever_is_said_of_colours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    console = Console(file=io.StringIO(), width=100, highlight=False)
    models = Changing({"phase": "Training", "progress": PROGRESS}, {"phase": "RollingOut"}, {})
    follow_on(console, models, "pets", is_settled, 5.0)
    assert isinstance(console.file, io.StringIO)
    phases = re.findall(r"^\d\d:\d\d:\d\d pets: (\w+): ", console.file.getvalue(), re.MULTILINE)
    assert phases == ["Training", "RollingOut", "Serving"]


def test_who_waits_no_longer_is_told_that_it_goes_on() -> None:
    class Interrupted(Changing):
        def follow(self, name: str, seconds: float = 0) -> Iterator[Body]:
            yield from super().follow(name, seconds)
            raise KeyboardInterrupt

    models = Interrupted({"phase": "RollingOut"})
    with pytest.raises(ClientError, match=re.escape("`catdog status pets --watch` follows it")):
        await_model(models, "pets", is_settled, 5.0)
