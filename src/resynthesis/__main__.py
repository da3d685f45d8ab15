"""`python -m resynthesis` is `resynth`."""

import sys

from .cli import main

sys.exit(main())
