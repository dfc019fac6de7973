"""`python -m sentinel` is `sentinel`."""

from sentinel.cli.main import main

main()
