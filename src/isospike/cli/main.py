"""The ``isospike`` command: finds the subcommand, turns errors into one line and an exit code."""

from __future__ import annotations

import importlib
import sys
import traceback
import warnings
from typing import TextIO

import click

from isospike.cli.help import HelpFormatter

COMMANDS = {
    "demo": "Convert and measure an embedded network with every method.",
    "inspect": "Show what of a model becomes spiking, what stays analogue, and why.",
    "convert": "Convert a trained network into a .snn file.",
    "compare": "Compare methods at numbers of steps: score, spikes, energy.",
    "auto": "Find the cheapest network that stays within a limit of accuracy.",
    "train": "Fine-tune a network with quantised activations.",
    "evaluate": "Measure the score against the number of time steps.",
    "account": "Count operations and energy beside those of the ANN.",
    "verify": "Compare a network with the model it was converted from, code for code.",
    "diagnose": "Find where a network loses against its model, why, and what to try.",
    "report": "Write a comparison as one HTML page, and its figures for a paper.",
    "export": "Write a network as a file of another format.",
    "methods": "List the conversion methods and their options.",
    "doctor": "Show versions, devices and what is missing.",
}


click.Context.formatter_class = HelpFormatter  # of every command and subcommand: each has a context of its own


class LazyGroup(click.Group):
    """Imports a command only when it is called, so that ``--help`` answers at once."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of use."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        """The command of this name.

        Raises:
            UnknownNameError: no such command.
        """
        if cmd_name not in COMMANDS:
            from isospike.errors import UnknownNameError

            raise UnknownNameError("command", cmd_name, COMMANDS)
        module = importlib.import_module(f"isospike.cli.{cmd_name}")
        command: click.Command = getattr(module, f"{cmd_name}_command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.version_option(package_name="isospike", message="isospike %(version)s")
def group(debug: bool) -> None:
    """Trained PyTorch networks as spiking neural networks that do the same thing."""


def main() -> None:
    """Run the command line; exit code 0 done, 1 internal error, 2 wrong input."""
    debug = "--debug" in sys.argv
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
    sys.exit(run(arguments, debug=debug))


def run(arguments: list[str], *, debug: bool = False) -> int:
    """Run one command and return its exit code; errors become one line on the error stream."""
    from isospike.errors import IsospikeError

    warnings.showwarning = _show_warning
    failed: BaseException
    try:
        result = group.main(arguments, prog_name="isospike", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return 2
    except click.ClickException as error:
        failed, message, code = error, error.format_message(), 2
    except IsospikeError as error:
        failed, message, code = error, str(error), 2
    except (click.Abort, KeyboardInterrupt) as error:
        failed, message, code = error, _interrupted(error), 130
    except Exception as error:  # the boundary: a bug, shown as such
        failed, code = error, 1
        message = f"internal error: {type(error).__name__}: {error} (run again with --debug)"
    if debug:
        traceback.print_exception(failed)
    click.echo(f"error: {' '.join(message.split())}", err=True)
    return code


def _interrupted(error: BaseException) -> str:
    """That it was interrupted, and how to go on; click raises its own error from the interrupt."""
    notes = getattr(error.__cause__ or error, "__notes__", [])
    return "; ".join(["interrupted", *notes])


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Warnings of isospike are one line on the error stream; those of other libraries are for their developers."""
    from isospike.errors import IsospikeWarning

    if issubclass(category, IsospikeWarning):
        click.echo(f"warning: {' '.join(str(message).split())}", err=True)
