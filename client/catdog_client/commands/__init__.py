"""The commands of `catdog`, a module each."""

import click

from catdog_client.commands.send import send
from catdog_client.commands.upload import upload

# In the order in which `catdog --help` names them.
COMMANDS: tuple[click.Command, ...] = (send, upload)
