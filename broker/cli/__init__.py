"""The command line `tongguan`.

Each group is imported only when it is used, so that a gate without web-server or database packages keeps its commands.
"""

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

# name -> (module:attribute, help line, the extra that brings its packages)
_GROUPS: dict[str, tuple[str, str, str]] = {
    "broker": ("broker.cli.broker:app", "Create and run the broker.", "broker"),
    "staff": ("broker.cli.staff:app", "Say who works at the broker; sign in.", "broker"),
    "changes": ("broker.cli.changes:app", "Change grading, trust and exclusions, two together.", "broker"),
    "gates": ("broker.cli.gates:app", "Invite gates into a zone.", "broker"),
    "partners": ("broker.cli.partner_clients:app", "Take on partner agencies and their clients.", "broker"),
    "identities": ("broker.cli.identities:app", "Settle logins that wait; see how providers are.", "broker"),
    "webhooks": ("broker.cli.webhooks:app", "See and resend notices to partners.", "broker"),
    "database": ("broker.cli.database:app", "Start, stop and migrate the embedded database.", "broker"),
    "journal": ("broker.cli.journal:app", "Verify the journal.", "broker"),
    "samples": ("broker.cli.samples:app", "Releases drawn to be looked at, and drawing them again.", "broker"),
    "transfer": ("broker.cli.transfer:app", "Ask what the law says of a release across a border.", "broker"),
    "rights": ("broker.cli.rights:app", "Verify certificates and exports; incidents; retention.", "broker"),
    "assessments": ("broker.cli.assessments:app", "Draft, state, sign and print impact assessments.", "broker"),
    "filings": ("broker.cli.filings:app", "Contracts and filings, and the days they are due.", "broker"),
    "alarms": ("broker.cli.alarms:app", "Which counters neared a threshold.", "broker"),
    "wallet": ("wallet_app.cli:app", "Serve the wallet's pages.", "wallet"),
    "idp": ("connectors.mock_idps.cli:app", "Run a mock identity provider.", "broker"),
    "gate": ("gate_client.cli:app", "Enrol and run a gate.", "gate"),
    "models": ("gate_client.inference.cli:app", "Build, verify and calibrate the face models.", "models"),
    "tls": ("broker.cli.tls:app", "Make a local certificate authority and certificates.", "broker"),
}


_OURS = ("broker", "connectors", "gate_client", "wallet_app")


class _LazyGroups(TyperGroup):
    """Lists every group from the table above; imports the one that is invoked."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(_GROUPS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in _GROUPS:
            return None
        stub = typer.Typer(name=cmd_name, help=_GROUPS[cmd_name][1])
        stub.callback()(lambda: None)
        return typer.main.get_group(stub)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, command, rest = super().resolve_command(ctx, args)
        return name, self._load(name) if name in _GROUPS else command, rest

    def _load(self, name: str) -> Any:
        target, help_line, extra = _GROUPS[name]
        module, attribute = target.split(":")
        try:
            app: typer.Typer = getattr(import_module(module), attribute)
        except ModuleNotFoundError as error:
            if (error.name or "").startswith(_OURS):
                raise  # a defect of ours, not a missing package
            typer.echo(f"`tongguan {name}` needs the package {error.name}: pip install 'tongguan[{extra}]'", err=True)
            raise typer.Exit(2) from error
        app.info.help = app.info.help or help_line
        command = typer.main.get_command(app)
        command.name = name
        return command


app = typer.Typer(
    cls=_LazyGroups,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,  # locals may hold keys
    help="Tongguan: consent-based identity broker and contactless border lane.",
)


@app.callback()
def _root() -> None:
    """Tongguan: consent-based identity broker and contactless border lane."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of the console script."""
    app(args=list(arguments) if arguments is not None else None, prog_name="tongguan")
