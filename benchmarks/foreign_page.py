"""docs/foreign.md."""


def write():
    pass
