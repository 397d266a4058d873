"""`wszoo compare` as a script; see wszoo/recipes/compare."""

from wszoo.command_line import run
from wszoo.recipes.compare import command

if __name__ == "__main__":
    run(command)
