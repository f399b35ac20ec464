"""An outbound reverse proxy between applications and Customer.io.

Floors, each importing only lower ones (held by import-linter, see `pyproject.toml`):

0. values: `errors`, `clock`, `sensitive`
1. core, pure, no I/O and no clock: `api`, `payload`, `policy`, `limits.gcra`, `delivery.{answer,replay,reply,scrub}`,
   `credentials.{model,callers}`, `config` but for its loading; `rules` and `exchange`, the values that travel
2. adapters: `http1`, `credentials.{env,file}`, `limits.memory`, `config.{load,tls}`, `metrics`, `logs`, `process`, `tasks`
3. flows: `pipeline` (one request, top to bottom), `delivery.send`, `outbound` (joins the two), `observer`
4. surfaces: `admin`
5. composition: `snapshot` (what a configuration comes to), `reload` (puts another one in force), `app`, `cli`

`simulator` stands beside them: a Customer.io to test against, which knows nothing of the rest.

Read first: `pipeline.py`, `api/track.py`, `policy/apply.py`, `delivery/send.py`, `app.py`.
"""

__version__ = "0.1.0"
