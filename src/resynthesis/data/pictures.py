"""Sets whose images come as files in an archive: where they are, and how they get there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .download import Check, find, lock, obtain
from .unpack import is_image, unpack


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """An archive of images that is unpacked once, into the data folder.

    homes: folders of a data folder that may have the archive, or the folder `inside` unpacked.
    files: how many files there may be. wanted: which those are, by names below `inside`. total:
    bytes that the archive may have in all. check: as in `download`.
    """

    archive: str
    inside: str
    homes: tuple[str, ...]
    mirrors: tuple[str, ...]
    check: Check
    files: range
    total: int
    wanted: Callable[[str], bool] = is_image

    def places(self, folder: Path) -> list[Path]:
        return [folder / home for home in self.homes]

    def unpacked(self, folder: Path) -> Path | None:
        """The folder of the images, if it is there."""
        found = (place / self.inside for place in self.places(folder))
        return next((place for place in found if place.is_dir()), None)

    def is_here(self, folder: Path) -> bool:
        """Whether the images are in a data folder, packed or unpacked, by names alone."""
        return bool(self.unpacked(folder) or find(self.archive, *self.places(folder)))

    def bring(self, folder: Path, *, others: Sequence[str] = ()) -> Path:
        """The folder of the images, unpacked and downloaded first where it must be.

        Raises ValueError where the archive is broken or another one, and DownloadError.
        """
        if found := self.unpacked(folder):
            return found
        places = self.places(folder)
        with lock(places[0] / self.inside):
            if found := self.unpacked(folder):  # another process was at it meanwhile
                return found
            archive = obtain(self.archive, self.mirrors, self.check, *places, others=others)
            return unpack(
                archive,
                places[0] / self.inside,
                inside=self.inside,
                files=self.files,
                total=self.total,
                wanted=self.wanted,
            )
