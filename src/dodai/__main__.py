"""`python -m dodai` is `dodai`."""

from __future__ import annotations

import sys

from dodai import cli

sys.exit(cli.main())
