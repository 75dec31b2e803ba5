"""Importing this module makes the importing program a child of a small parent that obeys SIGTERM.

PID 1 ignores signals without a handler, and a Python handler, or a thread of its own, waits as long as the
interpreter is inside TensorFlow, which can be for ever while a peer is missing. So the program runs as an
ordinary process, which the signal ends at once. Import it before TensorFlow: threads do not survive a fork.
"""

import os
import signal
import sys

RETRYABLE = 143  # the exit code of "not my fault, start me again"


def _watch(child):
    def end(number, frame):
        os.kill(child, signal.SIGKILL)

    signal.signal(signal.SIGTERM, end)
    while True:
        pid, status = os.wait()  # orphans too
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            sys.stdout.flush()
            os._exit(code if code >= 0 else RETRYABLE)


_child = os.fork()
if _child:
    _watch(_child)
