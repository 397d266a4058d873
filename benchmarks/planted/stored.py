"""What the searches for planted plans have found so far, in docs/planted/."""

import json
from pathlib import Path

from wszoo.files import written_whole

OUT = Path("docs/planted")
EIGHT_SEEDS = 6  # seeds of the truth of each plan of eight sites


def read(name: str) -> dict:
    path = OUT / name
    return json.loads(path.read_text()) if path.is_file() else {}


def write(name: str, data: dict) -> None:
    with written_whole(OUT / name) as part:
        part.write_text(json.dumps(data, separators=(",", ":")) + "\n")
