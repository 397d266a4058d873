"""What commands and recipes have in common: options that say what they take, and how they end."""

from wszoo.command_line.running import run

__all__ = ["run"]
