"""The commands of `catdog`, a module each."""

import click

from catdog_client.commands.compare import compare
from catdog_client.commands.completion import completion
from catdog_client.commands.dead_letters import dead_letters
from catdog_client.commands.doctor import doctor
from catdog_client.commands.logs import logs
from catdog_client.commands.plot import plot
from catdog_client.commands.promote import promote
from catdog_client.commands.retrain import retrain
from catdog_client.commands.rollback import rollback
from catdog_client.commands.send import send
from catdog_client.commands.status import status
from catdog_client.commands.upload import upload
from catdog_client.commands.watch import watch

COMMANDS: tuple[click.Command, ...] = (
    status,
    promote,
    rollback,
    retrain,
    compare,
    plot,
    logs,
    doctor,
    send,
    watch,
    dead_letters,
    upload,
    completion,
)
