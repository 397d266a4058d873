"""`wszoo download`: a data set, asked for.

wszoo download fashion_mnist
wszoo download cifar10 --data-dir sets/
"""

from pathlib import Path
from typing import Annotated

from wszoo.command_line import options as option
from wszoo.command_line import start


def command(
    name: Annotated[str, option.argument(option.text("A set: fashion_mnist, cifar10, …"))],
    data_dir: Annotated[
        Path | None, option.folder("Where to keep it; by default where TFDS keeps all sets.")
    ] = None,
    manual_dir: option.ManualDir = None,
) -> None:
    """Fetch a data set and prepare it, once; other commands find it there."""
    start()
    from wszoo.data.fetching import fetched

    source, place = fetched(name, data_dir=data_dir, manual_dir=manual_dir)
    print(source)
    if place is None:
        print(f"{name} comes with wszoo's own packages: nothing had to be fetched")
        return
    print(f"It lies in {place}.")
    if data_dir is not None:
        print(f"Other commands find it with --data-dir {place}, or WSZOO_DATA_DIR={place}.")
