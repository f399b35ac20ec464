"""`python -m proxy` is `cio-sidecar`."""

import sys

from proxy.cli.main import main

sys.exit(main())
