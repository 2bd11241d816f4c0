"""How gunicorn serves the API: started by `hub run api`, sized by the HUB_* settings.

Owns: workers, threads, time limits and the bounds on a request's head.
Never: TLS; that is the proxy in front (docker/nginx.conf).
Source: gunicorn's documentation of settings; threats T4 (slow and oversized requests).
"""

from pathlib import Path

from hub.settings import load

_settings = load()

bind = _settings.listen
worker_class = "gthread"  # a long poll holds one thread for up to 30 s, not a whole process
workers = _settings.web_workers
threads = _settings.web_threads
worker_connections = max(1000, 4 * _settings.web_threads)  # idle keep-alive connections hold no thread

# A worker's main thread says every second that it lives, also while its threads read a slow upload:
# only a worker that is stuck as a whole is ended by this.
timeout = 60
graceful_timeout = 40  # longer than the longest poll (30 s), so that a stop cuts nobody off
keepalive = 65  # longer than the proxy's own 60 s: the proxy closes first and never meets a closed socket

# An API request has a short line and few fields; the body is bounded by HUB_MAX_ENVELOPE_BYTES in the hub.
limit_request_line = 4094
limit_request_fields = 64
limit_request_field_size = 8190

# A leak in a C library ends with its worker; the jitter keeps workers from ending together.
max_requests = 20_000
max_requests_jitter = 2_000

# The sign of life is a file that is touched: in memory, or a busy disk looks like a dead worker.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 (gunicorn opens it with mkstemp)
control_socket_disable = True  # nothing but signals steers this process

accesslog = None  # the hub writes one structured line for each request, with its trace id and without keys
errorlog = "-"
