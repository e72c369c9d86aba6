"""`python -m workers.cli`: the command line `oms`."""

from workers.cli.app import main

main()
