"""`python -m ess_actors` is the `ess-actors` command."""

from ess_actors.cli import main

if __name__ == "__main__":
    main()
