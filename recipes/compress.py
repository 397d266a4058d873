"""`wszoo compress` as a script; see wszoo/recipes/compress."""

from wszoo.command_line import run
from wszoo.recipes.compress import command

if __name__ == "__main__":
    run(command)
