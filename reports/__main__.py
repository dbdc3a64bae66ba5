"""``python -m reports`` is ``bp``."""

import sys

from reports.cli import main

sys.exit(main())
