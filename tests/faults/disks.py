"""Disks of a test's own that are full, and files that cannot be written."""

from __future__ import annotations

import contextlib
import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil

from collab.testing.servers import Program

_BALLAST = "ballast"


@contextlib.contextmanager
def small_disk(path: Path, size_mib: int) -> Iterator[bool]:
    """Mount a small disk (tmpfs) at a folder. Tells whether it could be: it takes root's rights."""
    path.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size_mib}m", "tmpfs", str(path)]
    mounted = subprocess.run(mount, capture_output=True).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            # Lazily: a log that is open for a moment longer must not keep it.
            subprocess.run(["umount", "-l", str(path)], check=True)


def fill(disk: Path) -> None:
    """Leave no byte on a small disk."""
    with (disk / _BALLAST).open("ab", buffering=0) as ballast:
        for size in (2**20, 2**12, 1):
            try:
                while True:
                    ballast.write(bytes(size))
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise


def empty(disk: Path) -> None:
    """Give the room back that `fill` took."""
    (disk / _BALLAST).unlink()


@contextlib.contextmanager
def no_growth(program: Program) -> Iterator[None]:
    """Have no file of a program and its children grow any more: the quota of who has no disk.

    Their writes fail as on a full disk, with EFBIG in place of ENOSPC.
    """
    root = psutil.Process(program.pid)
    family = [root, *root.children(recursive=True)]
    for process in family:
        _limit_files(process, "0")
    try:
        yield
    finally:
        for process in family:
            # It may have ended of it.
            with contextlib.suppress(psutil.NoSuchProcess, subprocess.CalledProcessError):
                _limit_files(process, "unlimited")


def _limit_files(process: psutil.Process, size: str) -> None:
    """Set the size that a process's files may have; as its user, which takes no right of root's."""
    uid, gid = process.uids().real, process.gids().real
    mine = uid == os.geteuid()
    owner = [] if mine else ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups"]
    subprocess.run([*owner, "prlimit", f"--pid={process.pid}", f"--fsize={size}:"], check=True)


@contextlib.contextmanager
def immutable(paths: list[Path]) -> Iterator[bool]:
    """Have files and folders turn read-only, for root and for open files too; tells if it could.

    It takes root's rights and a file system that knows the flag.
    """
    could = _flag("+i", paths)
    try:
        yield could
    finally:
        if could:
            _flag("-i", paths)


def _flag(change: str, paths: list[Path]) -> bool:
    try:
        done = subprocess.run(["chattr", change, *map(os.fspath, paths)], capture_output=True)
    except FileNotFoundError:
        return False
    if done.returncode != 0 and change == "+i":
        subprocess.run(["chattr", "-i", *map(os.fspath, paths)], capture_output=True)
    return done.returncode == 0
