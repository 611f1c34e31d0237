"""`python -m broker.cli`: the same command line as the console script `tongguan`."""

from broker.cli import main

main()
