"""What ends a command with one line on standard error."""


class ClientError(Exception):
    """Something that the person at the terminal can mend; the message is one line that says how."""
