"""`wszoo denoise` as a script; see wszoo/recipes/denoise."""

from wszoo.command_line import run
from wszoo.recipes.denoise import command

if __name__ == "__main__":
    run(command)
