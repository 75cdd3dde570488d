"""Where things are inside the container. Every path the guest uses by name stands here once.

Paths are bytes where names from the file system or the environment are joined to them, so that no
name can fail to decode.
"""

SERVICES = b"/etc/service"
SERVICE_PROGRAMS = b"/usr/lib/dodai/service"
LOG_COPIER = SERVICE_PROGRAMS + b"/copy-logs"
RUNSV = b"/usr/bin/runsv"
MY_INIT = b"/usr/sbin/my_init"

STARTUP_DIRECTORY = b"/etc/my_init.d"
RC_LOCAL = b"/etc/rc.local"
PRE_SHUTDOWN_DIRECTORY = b"/etc/my_init.pre_shutdown.d"
POST_SHUTDOWN_DIRECTORY = b"/etc/my_init.post_shutdown.d"

ENVIRONMENT_DIRECTORY = b"/etc/container_environment"
ENVIRONMENT_SHELL = b"/etc/container_environment.sh"
ENVIRONMENT_JSON = b"/etc/container_environment.json"
DOCKER_ENV_GID = 8377

ENABLE_INSECURE_KEY = b"/usr/sbin/enable_insecure_key"
DEV_LOG = b"/dev/log"
PAM_SERVICES = (b"/etc/pam.d/cron", b"/etc/pam.d/sshd")

RUN_STATE = b"/run/dodai"
TMP_STATE = b"/tmp/dodai-%d"  # the effective uid goes in
