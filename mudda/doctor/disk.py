"""Room on the disks that this process writes to. The database's disk is its server's to watch."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from django.conf import settings

from mudda.doctor.registry import Finding, error, fine, register

MEBIBYTE: Final = 1024 * 1024
LEAST_NODES: Final = 1_000
"""Files that can still be made, where the file system counts them."""

FULL = error(
    "disk_low",
    "Make room or a larger volume: with no room uploads and documents fail. DOCTOR_FREE_MB says how much is wanted.",
)


def look() -> Iterator[Finding]:
    """Each disk once, by the first folder of ours that is on it."""
    seen: set[int] = set()
    for folder in map(_there, (Path(settings.MEDIA_ROOT), settings.MUDDA_HOME, Path(tempfile.gettempdir()))):
        device = folder.stat().st_dev
        if device not in seen:
            seen.add(device)
            yield _room(folder)


def _there(folder: Path) -> Path:
    """The folder, or the nearest above it that is there already."""
    return next(one for one in (folder.resolve(), *folder.resolve().parents) if one.is_dir())


def _room(folder: Path) -> Finding:
    told = os.statvfs(folder)
    free = told.f_bavail * told.f_frsize // MEBIBYTE
    facts = {"folder": str(folder), "free_mb": free, "wanted_mb": settings.DOCTOR_FREE_MB}
    says = f"{free:,} MB are free at {folder}."
    few_files = told.f_files > 0 and told.f_favail < LEAST_NODES
    return FULL.found(says, **facts) if free < settings.DOCTOR_FREE_MB or few_files else fine(says, **facts)


register("disk", look, words="room on the disks that this process writes to")
