"""`wszoo share-constants`: any .tflite file with each constant once."""

from pathlib import Path
from typing import Annotated

from wszoo.command_line.options import Prefer, argument, file, new_file


def command(
    source: Annotated[Path, argument(file("A .tflite file.", suffix=".tflite"))],
    out: Annotated[Path, argument(new_file("The file to write."))],
    prefer: Prefer = "speed",
) -> None:
    """Store equal and transposed constants of any .tflite file once."""
    from wszoo.exporting.tflite.share import share_constants
    from wszoo.files import written_whole

    data, report = share_constants(source.read_bytes(), prefer=prefer)
    with written_whole(out) as part:
        part.write_bytes(data)
    print(f"{report.bytes_before:,} → {report.bytes_after:,} bytes")
    for item in report.shared:
        print(f"  shared {item.name} with {item.owner} ({item.bytes:,} bytes, {item.way})")
    for item in report.left:
        print(f"  left   {item.name} beside {item.owner} ({item.bytes:,} bytes)")
