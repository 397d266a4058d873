"""`wszoo multitask` as a script; see wszoo/recipes/multitask."""

from wszoo.command_line import run
from wszoo.recipes.multitask import command

if __name__ == "__main__":
    run(command)
