"""`wszoo pretrain` as a script; see wszoo/recipes/pretrain."""

from wszoo.command_line import run
from wszoo.recipes.pretrain import command

if __name__ == "__main__":
    run(command)
