"""The states of PID 1 and the events that reach it: words only; life.py has the table."""

SYSLOG_STARTS = "syslog starts"
STARTUP = "startup files"
INTERRUPTED = "startup interrupted"
SERVICES_START = "services start"
RUNNING = "running"
PRE_HOOKS = "pre-shutdown hooks"
SERVICES_STOP = "services stop"
OTHERS_STOP = "others stop"
SYSLOG_STOPS = "syslog stops"
POST_HOOKS = "post-shutdown hooks"
ENDED = "ended"

ALL = (
    SYSLOG_STARTS,
    STARTUP,
    INTERRUPTED,
    SERVICES_START,
    RUNNING,
    PRE_HOOKS,
    SERVICES_STOP,
    OTHERS_STOP,
    SYSLOG_STOPS,
    POST_HOOKS,
    ENDED,
)

CHILD = "child ended"  # one or more children were reaped
CHANGE = "directory changed"
STOP = "stop asked"  # SIGTERM or SIGINT
HANGUP = "hangup"  # SIGHUP
OTHER = "other signal"
ALARM = "alarm"  # the time set with wake_after has come

EVENTS = (CHILD, CHANGE, STOP, HANGUP, OTHER, ALARM)

# From where to where: a transition that does not stand here is a fault of my_init. A fault in any state leads to where
# the stop begins or goes on (life.after_trouble), which is one of these ways too.
LEADS_TO = {
    "": (SYSLOG_STARTS,),
    SYSLOG_STARTS: (STARTUP, PRE_HOOKS),
    STARTUP: (SERVICES_START, INTERRUPTED, PRE_HOOKS),
    INTERRUPTED: (PRE_HOOKS,),
    SERVICES_START: (RUNNING, PRE_HOOKS),
    RUNNING: (PRE_HOOKS,),
    PRE_HOOKS: (SERVICES_STOP,),
    SERVICES_STOP: (OTHERS_STOP,),
    OTHERS_STOP: (SYSLOG_STOPS,),
    SYSLOG_STOPS: (POST_HOOKS,),
    POST_HOOKS: (ENDED,),
    ENDED: (ENDED,),
}

# Where the end of a process that is not my_init's own child matters, too.
WAITS_FOR_STRANGERS = frozenset((OTHERS_STOP,))
