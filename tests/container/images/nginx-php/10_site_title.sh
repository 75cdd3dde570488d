#!/bin/sh
# A value for everybody: services, `docker exec CONTAINER with_env …` and later startup files see it.
if [ -z "${SITE_TITLE-}" ]; then
    echo "Untitled" >/etc/container_environment/SITE_TITLE
fi
