"""An outbound reverse proxy between applications and Customer.io.

Floors, each importing only lower ones (held by import-linter):

0. values: `errors`, `clock`, `sensitive`
1. core, pure, no I/O and no clock: `api`, `payload`, `policy`, `limits.gcra`, `delivery.replay`, `credentials.model`, `config.model`
2. adapters: `http1`, `credentials.env`, `credentials.file`, `limits.memory`, `config.load`, `metrics`, `logs`
3. flows: `pipeline` (one request, top to bottom), `delivery.send`
4. surfaces: `admin`
5. composition: `app`, `cli`

Read first: `pipeline.py`, `api/endpoints.py`, `policy/apply.py`, `delivery/send.py`, `app.py`.
"""

__version__ = "0.1.0"
