"""`python -m wszoo`: the command `wszoo`."""

from wszoo.cli import main

if __name__ == "__main__":
    main()
