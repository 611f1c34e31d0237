"""Counters watched without anybody asking: alarms into the log, and to the operator's webhook where there is one."""

import json
import logging
from collections.abc import Callable, Mapping
from datetime import datetime

from broker.core.rulebook import Rulebook
from broker.flows.ports import BeginWork
from broker.flows.ports.papers import RaisedAlarm
from broker.flows.raise_alarms import alarm_json, raise_alarms
from broker.flows.tell_alarms import Tell, tell_alarms
from broker.stores.partner_http import CallFailed, CallRefused
from broker.wire.keys import Entropy

Post = Callable[[str, bytes, Mapping[str, str]], tuple[int, bytes]]

_log = logging.getLogger("tongguan.alarms")


def watch_alarms(
    begin: BeginWork, *, rulebook: Rulebook, tell: Tell | None, clock: Callable[[], datetime], entropy: Entropy
) -> None:
    """One round. Safe to repeat and to run twice at once."""
    at = clock()
    with begin() as work:
        new = raise_alarms(work, rulebook=rulebook, at=at, entropy=entropy)
    for alarm in new:
        _log.warning(
            "%s of %d: %s stands at %d (%s, %d)",
            f"{alarm.level} %",
            alarm.limit,
            alarm.counter,
            alarm.count,
            alarm.threshold,
            alarm.year,
        )
    if tell is not None:
        tell_alarms(begin, tell, at=at)


def webhook(url: str, post: Post) -> Tell:
    """Posts each alarm as JSON; a 2xx answer is a yes, everything else is tried again in the next round."""

    def tell(raised: RaisedAlarm) -> bool:
        body = json.dumps(alarm_json(raised.alarm, raised.raised_at)).encode()
        try:
            status, _ = post(url, body, {"Content-Type": "application/json"})
        except (CallFailed, CallRefused) as error:
            _log.warning("the alarm webhook cannot be reached: %s", type(error).__name__)
            return False
        if not 200 <= status < 300:
            _log.warning("the alarm webhook answers %d", status)
        return 200 <= status < 300

    return tell
