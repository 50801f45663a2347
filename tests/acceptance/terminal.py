"""Runs a program at a terminal of its own, and answers one question: terminal.py ANSWER PROGRAM ARGS

What the terminal showed is written to standard output; the exit code is the program's. The terminal
has TERMINAL_COLUMNS columns, if they are set."""

import fcntl
import os
import pty
import struct
import sys
import termios

answer, program = sys.argv[1], sys.argv[2:]
child, terminal = pty.fork()
if child == 0:
    columns = int(os.environ.get("TERMINAL_COLUMNS", 0))
    fcntl.ioctl(sys.stdin, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    os.execv(program[0], program)
shown, answered = b"", False
while True:
    try:
        read = os.read(terminal, 4096)
    except OSError:  # the program has ended
        break
    if not read:
        break
    shown += read
    if not answered and b"(is not shown): " in shown:
        answered = True
        os.write(terminal, answer.encode() + b"\n")
sys.stdout.buffer.write(shown)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
