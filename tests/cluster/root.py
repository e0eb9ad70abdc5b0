"""What a node in a chroot needs: that the root it sees is the root of its mount namespace."""

import ctypes
import os
from pathlib import Path

# <linux/sched.h>, <linux/mount.h>
_CLONE_NEWNS = 0x00020000
_MS_MOVE = 0x2000
_MS_REC = 0x4000
_MS_PRIVATE = 1 << 18


def own_root() -> None:
    """Make this process's root that of its mount namespace; out of a chroot it is that already.

    Whoever enters a container's namespace, as `kubectl exec` does, begins at the namespace's root, which in
    a chroot would be the host's, above the chroot. The way is that of switch_root(8).

    Raises:
        OSError: the chroot's root is no mount point.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    root = os.open("/", os.O_PATH | os.O_DIRECTORY)
    namespace = os.open("/proc/self/ns/mnt", os.O_RDONLY)
    _check(libc.setns(namespace, _CLONE_NEWNS), "entering the mount namespace at its root")
    if not os.path.samestat(os.fstat(root), Path("/").stat()):
        _check(
            libc.mount(None, b"/", None, _MS_REC | _MS_PRIVATE, None), "parting the mounts from the host's"
        )
        os.fchdir(root)
        _check(libc.mount(b".", b"/", None, _MS_MOVE, None), "moving the root of the chroot, no mount point?")
        os.chroot(".")
    os.close(namespace)
    os.close(root)


def _check(result: int, what: str) -> None:
    if result != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{os.strerror(error)}: {what}")
