"""How a command ends that did not do what it was asked for: one line on standard error, and an exit code."""

FAILURE = 1  # and one line that says why
USAGE = 2  # click's own
NOT_SO = 3  # the command did its part, and the model is not as it was asked about


class ClientError(Exception):
    """Something that the person at the terminal can mend; the message is one line that says how."""
