"""What commands have in common: options that say what they take, how they start and end."""

from wszoo.command_line.commands import command_of
from wszoo.command_line.running import app_of, app_of_several, run
from wszoo.command_line.starting import start

__all__ = ["app_of", "app_of_several", "command_of", "run", "start"]
