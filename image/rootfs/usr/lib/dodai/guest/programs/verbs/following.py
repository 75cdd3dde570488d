"""The -f of logs and events: go on printing what comes."""

from guest.floor import codes, say
from guest.mechanism import follow, output


def run(log: follow.Log) -> int:
    """Print for ever; the end of whoever reads it is the end, also while there is nothing to print."""
    for piece in follow.pieces(log):
        if log.skipped:
            say.error("lines are missing here: they came faster than they were read")
            log.skipped = 0
        if piece:
            code = output.write(piece)
            if code:
                return code
        elif output.reader_is_gone():
            return codes.OK
    return codes.OK
