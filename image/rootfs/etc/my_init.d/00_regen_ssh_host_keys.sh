#!/bin/sh
# Make the SSH host keys: at boot when sshd is enabled and has none, at build time when this is run by
# hand (promise E4). The image has none, since a host key that many containers share identifies none.
# Until there is something to do only the shell's builtins run: every boot waits for this.

keys=/etc/ssh
service=/etc/service/sshd
run_state=/run/dodai
tmp_state=/tmp/dodai-
me=00_regen_ssh_host_keys.sh

force=no
case ${1-} in
'') ;;
-f) force=yes ;;
-h | --help)
    cat <<HELP
usage: $me [-f]

Make the SSH host keys in $keys unless there are some; -f makes new ones in any
case. As a startup file it does nothing while sshd is down.
HELP
    exit 0
    ;;
*)
    echo "$me: usage: $me [-f]" >&2
    exit 2
    ;;
esac

# Whether my_init runs this; it is not enough that the parent is PID 1, which is a shell in RUN.
boot=no
for pid_file in "$run_state/pid" "$tmp_state"*/pid; do
    [ -r "$pid_file" ] && read -r init <"$pid_file" && [ "$init" = "$PPID" ] && boot=yes
done

if [ "$force" = no ]; then
    for key in "$keys"/ssh_host_*_key; do
        [ ! -s "$key" ] || exit 0
    done
    if [ "$boot" = yes ]; then
        [ -e "$service/run" ] && [ ! -e "$service/down" ] || exit 0
        # sshd is for root only; my_init has said that it skips it. -O: owned by the effective user.
        # shellcheck disable=SC3067 # Debian's sh is dash, which knows -O
        [ -O / ] || exit 0
    fi
fi

# A boot goes on without keys: sshd will not start, everything else does.
failed=1
[ "$boot" = no ] || failed=0
new=

fail() {
    echo "$me: cannot make SSH host keys in $keys: $1" >&2
    exit "$failed"
}

command -v ssh-keygen >/dev/null || fail 'there is no ssh-keygen; run install_clean openssh-server'
[ -w "$keys" ] || fail "it cannot be written; make them in the Dockerfile (RUN /etc/my_init.d/$me) or mount a volume there"

# Made aside, private from the first byte, and moved into place whole: what is interrupted leaves no half key.
trap '[ -z "$new" ] || rm -rf "$new"' EXIT
trap 'exit 143' TERM
trap 'exit 130' INT
umask 077
rm -rf "$keys"/.new-host-keys.*
new=$(mktemp -d "$keys/.new-host-keys.XXXXXX" 2>/dev/null) || fail 'no space or no permission there'

# Two kinds, each made in about 5 ms. ed25519 for everybody; ecdsa for clients under FIPS rules. No rsa: it takes
# half a second, and a client too old for ecdsa is too old for the signatures sshd still accepts from rsa.
# An sshd_config that names an rsa key gets one all the same.
kinds='ed25519 ecdsa'
while read -r word value _; do
    case $word:$value in
    [Hh][Oo][Ss][Tt][Kk][Ee][Yy]:"$keys/ssh_host_rsa_key") kinds="$kinds rsa" ;;
    esac
done 2>/dev/null <"$keys/sshd_config"

for kind in $kinds; do
    # No comment: by default it would be the name of the machine that builds the image.
    why=$(ssh-keygen -q -t "$kind" -N '' -C '' -f "$new/ssh_host_${kind}_key" 2>&1) || fail "${why:-ssh-keygen failed}"
    chmod 644 "$new/ssh_host_${kind}_key.pub"
done
for kind in $kinds; do
    # The private key last: it is what "there are some" means.
    mv -f "$new/ssh_host_${kind}_key.pub" "$new/ssh_host_${kind}_key" "$keys/" 2>/dev/null || fail 'they could not be moved there'
done

if [ "${MY_INIT_VERBOSITY:-1}" != 0 ]; then
    for kind in $kinds; do
        fingerprint=$(ssh-keygen -lf "$keys/ssh_host_${kind}_key.pub")
        fingerprint=${fingerprint#* }
        echo "$me: made the $kind host key ${fingerprint%% *}" >&2
    done
fi
