"""`python -m ideal`: the command line."""

from ideal.cli.__main__ import main

if __name__ == "__main__":
    main()
