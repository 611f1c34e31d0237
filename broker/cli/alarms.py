"""`tongguan alarms`: which counters neared a threshold."""

import json

import typer

from broker.cli.partners import AsJson, Home, desk
from broker.flows.raise_alarms import alarm_json

app = typer.Typer(invoke_without_command=True)


@app.callback()
def alarms(home: Home, as_json: AsJson = False) -> None:
    """Every alarm, the newest first. Counts only, never a person."""
    with desk(home) as at_work:
        raised = at_work.work.alarms.raised()
    if as_json:
        print(json.dumps([alarm_json(each.alarm, each.raised_at) for each in raised], indent=2))
        return
    for each in raised:
        alarm = each.alarm
        share = f"{alarm.level} % of {alarm.limit}"
        print(
            f"{each.raised_at:%Y-%m-%d %H:%M}  {share:<18} {alarm.threshold:<12} {alarm.counter} (then {alarm.count})"
        )
