"""`python -m resynthesis.cli.sweep JOB` is one run of a sweep, in a process of its own."""

from .children import child

child()
