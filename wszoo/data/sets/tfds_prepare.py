"""Finding and preparing TFDS sets without hanging on a network.

TFDS retries a download that fails for minutes (204 s in 4.9.10). Unless downloads are allowed, a
builder gets a download manager that refuses at the first file which is not on disk.
"""

from __future__ import annotations

import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from wszoo import checks, private
from wszoo.data import registering
from wszoo.data.errors import MissingDataError

if TYPE_CHECKING:
    import tensorflow_datasets as tfds

CONNECTING = 10.0  # seconds to wait for a server


def prepared(
    name: str, data_dir: Path | None, manual_dir: Path | None, download: bool
) -> tfds.core.DatasetBuilder:
    """The builder of a set that is prepared, see `find_builder` and `prepare`."""
    builder = find_builder(name, data_dir)
    prepare(builder, manual_dir=manual_dir, download=download)
    return builder


def find_builder(name: str, data_dir: Path | None) -> tfds.core.DatasetBuilder:
    """The TFDS builder of `name` or `name/config`, or of a set that is prepared in `data_dir`.

    Raises ValueError on an unknown name, with near ones.
    """
    import tensorflow_datasets as tfds

    catalogue = tfds.list_builders(with_community_datasets=False)
    base = name.split("/")[0]
    on_disk = data_dir is not None and (data_dir / base).is_dir()
    if ".." in name or not base.isidentifier() or (base not in catalogue and not on_disk):
        sets = registering.set_names()
        raise ValueError(
            f"unknown data set {name!r}: it is none of {', '.join(sets)}, no TFDS set and no path"
            f"{checks.near(base.split(':')[-1], [*sets, *catalogue])}"
        )
    return tfds.builder(name, data_dir=data_dir, try_gcs=False)


def prepare(builder: tfds.core.DatasetBuilder, *, manual_dir: Path | None, download: bool) -> None:
    """Prepares the set unless that is done. TFDS writes beside and renames, so never a half one.

    Each set extracts into its own folder: TFDS names extracted files after the archive, and MNIST
    and Fashion-MNIST have the same archive names.
    Raises MissingDataError, at once, if files are missing and `download` is false.
    """
    import tensorflow_datasets as tfds

    if builder.data_path.exists() and builder.is_prepared():
        return
    downloads = Path(builder.data_dir_root) / "downloads"
    manual = manual_folder(builder.name, manual_dir or downloads / "manual")
    config = tfds.download.DownloadConfig(
        manual_dir=manual,
        extract_dir=downloads / "extracted" / builder.name,
        try_download_gcs=False,
    )
    if not download:
        if not _has_files(builder, downloads, manual):
            raise _missing(builder, f"its files are neither in {downloads} nor in {manual}")
        _refuse_downloads(builder)
    elif refused := _no_connection(builder):
        raise _missing(builder, refused, offline=True)
    builder.download_and_prepare(download_config=config)


def manual_folder(name: str, manual_dir: Path) -> Path:
    """`manual_dir/name` if there is such a folder, else `manual_dir`."""
    return manual_dir / name if (manual_dir / name).is_dir() else manual_dir


def _has_files(builder: tfds.core.DatasetBuilder, downloads: Path, manual: Path) -> bool:
    """Whether trying to prepare is worth while: some file of the set may be on disk."""
    names = [info.filename for info in (builder.url_infos or {}).values() if info.filename]
    return (
        any((downloads / builder.name).glob("*"))
        or any(downloads.glob("*.INFO"))  # where older TFDS kept its downloads
        or any((manual / name).is_file() for name in names)
        or bool(builder.MANUAL_DOWNLOAD_INSTRUCTIONS and any(manual.glob("*")))
    )


def _refuse_downloads(builder: tfds.core.DatasetBuilder) -> None:
    """Makes this one builder's download manager raise where it would open a connection."""

    def refuse(resource: object, *_: object) -> NoReturn:
        raise _missing(builder, f"{getattr(resource, 'url', resource)} is not on this machine")

    private.without_downloads(builder, refuse)


def _no_connection(builder: tfds.core.DatasetBuilder) -> str:
    """Why the set cannot be fetched, asked once and not for minutes; empty where it can be."""
    for url in list(builder.url_infos or {})[:1]:
        try:
            urllib.request.urlopen(url, timeout=CONNECTING).close()
        except urllib.error.HTTPError:  # there is a connection; whether for this, TFDS will say
            continue
        except (OSError, ValueError) as error:
            host = urllib.parse.urlsplit(url).hostname
            return f"there is no connection to {host} ({getattr(error, 'reason', error)})"
    return ""


def _missing(
    builder: tfds.core.DatasetBuilder, why: str, *, offline: bool = False
) -> MissingDataError:
    urls = builder.url_infos or {}
    size = sum(info.size for info in urls.values()) / 1e6
    names = ", ".join(sorted(info.filename or url for url, info in urls.items())[:4])
    by_hand = " ".join((builder.MANUAL_DOWNLOAD_INSTRUCTIONS or "").split())
    ways = [
        "pass data_dir= or set WSZOO_DATA_DIR to a folder where TFDS has prepared it",
        f"put its files into a folder and pass manual_dir= or set WSZOO_MANUAL_DIR: "
        f"{by_hand or names or 'see its TFDS page'}",
    ]
    if not by_hand and not offline:
        fetch = f"pass download=True, or run wszoo download {builder.name}"
        ways.insert(0, f"{fetch}, so that TFDS fetches it ({size:.0f} MB)")
    return MissingDataError(
        f"{builder.name} is not prepared in {builder.data_dir_root}: {why}. Either\n- "
        + "\n- ".join(ways)
    )
