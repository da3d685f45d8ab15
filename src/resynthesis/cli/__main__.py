"""`python -m resynthesis.cli` is `resynth`."""

import sys

from . import main

sys.exit(main())
