"""``python -m maplet`` is the command ``maplet``."""

from maplet.cli import main

if __name__ == "__main__":
    main()
