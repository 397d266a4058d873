"""`wszoo search-ties` as a script; see wszoo/recipes/search_ties."""

from wszoo.command_line import run
from wszoo.recipes.search_ties import command

if __name__ == "__main__":
    run(command)
