"""`wszoo label-curve` as a script; see wszoo/recipes/label_curve."""

from wszoo.command_line import run
from wszoo.recipes.label_curve import command

if __name__ == "__main__":
    run(command)
