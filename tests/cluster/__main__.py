"""The local cluster's commands: `python -m tests.cluster up|down|env|status`."""

import argparse
import shlex
import sys

from tests.cluster.cache import default_cache, say
from tests.cluster.commands import CommandError
from tests.cluster.instance import Instance, down, find_instances, lanes_of, up, up_api_server


def main() -> int:
    """Run a command; return the process's exit code."""
    options = _parse()
    try:
        options.run(options)
    except (CommandError, LookupError, TimeoutError, RuntimeError) as error:
        say(f"✗ {error}")
        return 1
    except KeyboardInterrupt:
        say("✗ interrupted")
        return 130
    return 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.cluster", description=__doc__)
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("up", help="bring a cluster up, with Kafka and the operator")
    command.add_argument("--name", default="demo")
    command.add_argument("--bare", action="store_true", help="a node, with neither Kafka nor the operator")
    command.add_argument("--api-server", action="store_true", help="an API server without a node")
    command.add_argument("--without-operator", action="store_true", help="a node with Kafka")
    command.set_defaults(run=_up)
    command = commands.add_parser("down", help="take a cluster away, and those of its lanes")
    command.add_argument("--name", default="demo")
    command.add_argument("--all", action="store_true", help="every cluster of this cache")
    command.set_defaults(run=_down)
    command = commands.add_parser("env", help="print what a shell needs to work with a cluster")
    command.add_argument("--name", default="demo")
    command.set_defaults(run=_env)
    command = commands.add_parser("status", help="print which clusters there are")
    command.set_defaults(run=_status)
    return parser.parse_args()


def _up(options: argparse.Namespace) -> None:
    if options.api_server:
        up_api_server(options.name)
    else:
        with_operator = not (options.bare or options.without_operator)
        up(options.name, with_kafka=not options.bare, with_operator=with_operator)
    say(f'✓ the cluster {options.name} is up: eval "$(make -s env NAME={options.name})"')


def _down(options: argparse.Namespace) -> None:
    cache = default_cache()
    found = find_instances(cache) if options.all else lanes_of(options.name, cache)
    for instance in found:
        down(instance.name)
        say(f"✓ the cluster {instance.name} is down")


def _env(options: argparse.Namespace) -> None:
    instance = Instance(options.name, default_cache())
    if not instance.is_running:
        raise LookupError(f"the local cluster {options.name} is not up: `make up NAME={options.name}`")
    for name, value in instance.environment().items():
        print(f"export {name}={shlex.quote(value)}")


def _status(_: argparse.Namespace) -> None:
    for instance in find_instances(default_cache()):
        state = "up" if instance.is_running else "killed: `make down` removes what is left"
        print(f"{instance.name}\t{state}\t{instance.layout.api_server}\t{instance.kubeconfig}")


if __name__ == "__main__":
    sys.exit(main())
