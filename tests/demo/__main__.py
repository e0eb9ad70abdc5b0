"""`make demo`: a CatDogModel applied, trained, served, scaled, and trained again while it serves."""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.cluster.instance import Instance, up
from tests.demo import story
from tests.demo.photo_sets import LabelledPhoto, find_photos, hold_out
from tests.demo.terminal import Terminal
from tests.photos import photos_dir

HELD_OUT = 200


def main() -> int:
    """Run the demo; return the process's exit code."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--name", default="demo", help="the local cluster's name")
    name = parser.parse_args().name
    started = time.monotonic()
    instance = up(name)
    terminal = Terminal(instance.environment())
    with tempfile.TemporaryDirectory(prefix="catdog-demo-") as directory:
        photos = hold_out(_choose_photos(terminal, Path(directory)), HELD_OUT)
        try:
            story.tell(terminal, instance, photos, Path(directory))
        except (story.PromiseBrokenError, RuntimeError, TimeoutError, subprocess.CalledProcessError) as error:
            terminal.say(f"\nThe demo did not do what it promises: {error}")
            return 1
    _say_how_to_go_on(terminal, instance, time.monotonic() - started)
    return 0


def _choose_photos(terminal: Terminal, directory: Path) -> list[LabelledPhoto]:
    if chosen := os.environ.get("PHOTOS"):
        terminal.say(f"Photos: those of {chosen}, as PHOTOS says.")
        return find_photos(Path(chosen))
    if found := photos_dir("oxford-pets"):
        terminal.say("Photos: a part of the Oxford-IIIT Pet dataset (CC BY-SA 4.0).")
        return find_photos(found)
    terminal.say(
        "Photos: NONE WERE FOUND, so drawings made from an emoji font stand in; "
        "`make demo PHOTOS=dir` uses your own (folders cat/ and dog/)."
    )
    return find_photos(story.draw_photos(directory / "drawings"))


def _say_how_to_go_on(terminal: Terminal, instance: Instance, seconds: float) -> None:
    option = "" if instance.name == "demo" else f" NAME={instance.name}"
    terminal.heading(f"That was all of it, in {seconds / 60:.1f} minutes. The cluster is still up. Go on:")
    terminal.say(
        f'  eval "$(make -s env{option})"      # kubectl and catdog for this cluster, in this shell\n'
        "  kubectl get catdogmodels\n"
        "  kubectl explain catdogmodel.spec.training\n"
        "  catdog send --wait your-cat.jpg\n"
        f"  kubectl apply -k {instance.console_dir}   # the console, for a browser:\n"
        "  kubectl port-forward -n kafka deployment/catdog-console 8080   # http://localhost:8080\n"
        f"  make down{option}                   # take it away again; only the cache stays\n"
        "  make clean-cache               # that too"
    )


if __name__ == "__main__":
    sys.exit(main())
