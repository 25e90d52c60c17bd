"""Lines that are written over and over: their last state goes into the log, the states between are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable

if TYPE_CHECKING:
    from dgops.agent.logfile import Log

Saw = Callable[[bytes], None]


class Collapse:
    """Stands before a log: of the states of a line, parted by \\r, it lets the last one through that is not blank."""

    def __init__(self, log: Log, saw: Saw) -> None:
        self.log, self.saw = log, saw
        # The newest state of a line that may still be written over, with the \r behind it and blanks behind that.
        self.state = b""
        # Whether the log ends within a line.
        self.open = False

    def write(self, data: bytes) -> None:
        """Take redacted output; a line's end is \\n or \\r\\n, and stays what it is."""
        if not self.state and b"\r" not in data:
            self._put(data)
            return
        if self.open:
            # The beginning of this state stands in the log already: the rest of it belongs there too.
            ends = [at for at in (data.find(b"\r"), data.find(b"\n")) if at >= 0]
            end = min(ends) + 1 if ends else len(data)
            self._put(data[:end])
            data = data[end:]
        *lines, rest = (self.state + data).split(b"\n")
        whole = b"".join(map(self._last, lines))
        cut = rest.rfind(b"\r") + 1
        shown = _state(rest[:cut])
        held = cut > 0 and not rest[cut:].strip()
        self.state = shown + b"\r" + rest[cut:] if held else b""
        if shown:
            self.saw(shown)
        self._put(whole if held else whole + rest[cut:])

    def finish(self) -> None:
        """Let the state through that nothing was written over."""
        if self.state.strip():
            self._put(self.state)
        self.state = b""

    def _last(self, line: bytes) -> bytes:
        if b"\r" not in line[:-1]:
            return line + b"\n"
        state = _state(line)
        self.saw(state)
        return state + (b"\r\n" if line.endswith(b"\r") else b"\n")

    def _put(self, data: bytes) -> None:
        if data:
            self.log.write(data)
            self.open = data[-1:] not in (b"\n", b"\r")


def _state(line: bytes) -> bytes:
    """Return the last state of a line that is not blank, nothing where there is none."""
    return next((state for state in reversed(line.split(b"\r")) if state.strip()), b"")
