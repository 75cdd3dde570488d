"""The states of a service, as `dodaictl status` names them and STATE/service/NAME/policy has them."""

STARTING, RUNNING, READY = "starting", "running", "ready"
BACKOFF, FAILED, STOPPING, DOWN = "backoff", "failed", "stopping", "down"

ALL = (STARTING, RUNNING, READY, BACKOFF, FAILED, STOPPING, DOWN)
