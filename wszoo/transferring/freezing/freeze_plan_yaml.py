"""YAML as people write it: `1e-3` is a number, and `no` is a word.

PyYAML reads YAML 1.1, in which a number needs a point (`1.0e-3`), `012` is ten, `3:20` two hundred
and `no` false. Here plain scalars are what YAML 1.2 says (its core schema, section 10.3.2).
"""

import re
from pathlib import Path

import yaml

from wszoo.declared import check_values

MOST = 2**20  # bytes of a freeze plan
PREFIX = "tag:yaml.org,2002:"
SCALARS = {  # tag → what its plain scalars look like, and how they begin
    "bool": ("true|True|TRUE|false|False|FALSE", "tTfF"),
    "null": ("~|null|Null|NULL|", ["~", "n", "N", ""]),
    "int": ("[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    "float": (
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"
        r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "-+.0123456789",
    ),
}


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, which makes plain values alone, with the scalars of YAML 1.2."""


_Loader.yaml_implicit_resolvers = {}
for _tag, (_pattern, _first) in SCALARS.items():
    _Loader.add_implicit_resolver(PREFIX + _tag, re.compile(f"^({_pattern})$"), list(_first))


def _whole(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int:
    text = loader.construct_scalar(node)
    return int(text, 0 if text[:2] in ("0o", "0x") else 10)


_Loader.add_constructor(PREFIX + "int", _whole)


def load(text: str) -> object:
    """The plain values of a text. Raises `yaml.YAMLError`, also for tags of Python objects."""
    return yaml.load(text, _Loader)


def read(path: Path) -> object:
    """The plain values of a file.

    Raises `ValueError` for more than `MOST` bytes, what is no text or no YAML, tags that name
    Python's objects, and values of which there are too many when anchors are spelled out.
    """
    if (size := path.stat().st_size) > MOST:
        raise ValueError(f"it has {size:,} bytes; a freeze plan has at most {MOST:,}")
    try:
        values = load(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise ValueError(f"it is no UTF-8 text ({error})") from error
    except RecursionError as error:
        raise ValueError("its brackets are too deep") from error
    except Exception as error:  # its constructors raise whatever a tag with nonsense suggests
        raise ValueError(f"it is no YAML that can be read: {error}") from error
    check_values(values)
    return values
