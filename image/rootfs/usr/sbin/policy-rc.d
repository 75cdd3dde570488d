#!/bin/sh
# Asked by invoke-rc.d and by runit's maintainer scripts before they start a service.  101: never.  So installing a daemon in a
# Dockerfile neither starts it nor fails, and no runit service appears that nobody asked for.  `service NAME start` does not ask.
exit 101
