# shellcheck shell=sh
# /etc/profile has just replaced the PATH that an SSH login got from PAM, which is the container's. This shell was started with it.
if [ -n "${SSH_CONNECTION-}" ]; then
    _path=$(sed -z -n 's/^PATH=//p' "/proc/$$/environ" 2>/dev/null | tr -d '\0')
    if [ -n "$_path" ]; then
        PATH=$_path
        export PATH
    fi
    unset _path
fi
