"""Shows the commands that a person would type, and what they answer."""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field

from rich.console import Console
from rich.markup import escape


@dataclass(frozen=True)
class Terminal:
    """Runs commands in the environment of `eval "$(make -s env)"`."""

    environment: Mapping[str, str]
    console: Console = field(default_factory=lambda: Console(highlight=False))

    def heading(self, text: str) -> None:
        """Print what comes next."""
        self.console.print(f"\n[bold]{escape(text)}[/bold]")

    def say(self, text: str) -> None:
        """Print a remark."""
        self.console.print(escape(text))

    def show_command(self, command: str) -> None:
        """Print a command as if it had been typed."""
        self.console.print(f"[cyan]$ {escape(command)}[/cyan]", soft_wrap=True)

    def run(self, command: str, *, shown: str | None = None, stdin: str | None = None) -> str:
        """Show a command, run it, show and return what it prints.

        Raises:
            subprocess.CalledProcessError: it failed; what it said has been shown.
        """
        self.show_command(shown or command)
        done = self._complete(command, stdin)
        for text in (done.stdout, done.stderr):
            if text.strip():
                self.console.print(escape(text.rstrip()), soft_wrap=True)
        done.check_returncode()
        return done.stdout

    def read(self, command: str, *, shown: str | None = None) -> str:
        """Run a command and return what it prints, which is not shown; `shown` is how the command is."""
        if shown is not None:
            self.show_command(shown)
        done = self._complete(command, None)
        if done.returncode:
            self.console.print(escape(f"{command}\n{done.stderr}"), soft_wrap=True)
        done.check_returncode()
        return done.stdout

    def start(self, command: str, *, shown: str | None = None) -> subprocess.Popen[str]:
        """Show a command (unless `shown` is empty) and start it; its standard output is a pipe of lines."""
        if shown != "":
            self.show_command(shown or command)
        return subprocess.Popen(
            ["bash", "-c", f"exec {command}"],
            env=self._environ(),
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )

    def _complete(self, command: str, stdin: str | None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-c", command],
            env=self._environ(),
            input=stdin if stdin is not None else "",
            capture_output=True,
            text=True,
            check=False,
        )

    def _environ(self) -> dict[str, str]:
        return {**os.environ, **self.environment}
