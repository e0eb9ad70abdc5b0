"""Holds the libraries to the processors that the pod may use."""

import os


def limit_threads(threads: int) -> None:
    """Have TensorFlow and oneDNN, loaded later, use so many threads: they would count the node's.

    What that and other settings bring is measured in docs/training-figures.md.
    """
    for name in ("TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(name, str(threads))
