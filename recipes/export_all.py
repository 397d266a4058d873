"""`wszoo export-all` as a script; see wszoo/recipes/export_all."""

from wszoo.command_line import run
from wszoo.recipes.export_all import command

if __name__ == "__main__":
    run(command)
