"""The command line: `cardc demo | compile | emulate | verify | report | estimate | explore | inspect | targets`."""

from __future__ import annotations

import sys
import warnings

import click

from .. import __version__
from ..errors import CompileError
from .compile import compile_command
from .demo import demo_command
from .estimate import estimate_command
from .explore import explore_command
from .inspect import inspect_command, targets_command
from .report import report_command
from .run import emulate_command, verify_command


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="cardc")
def cardc() -> None:
    """Compile binary and pruned networks to microcontrollers and FPGAs, exact to the bit.

    Exit codes: 0 ok, 1 the model does not fit or does not match, 2 bad input.
    """


for _command in (
    demo_command,
    compile_command,
    emulate_command,
    verify_command,
    report_command,
    estimate_command,
    explore_command,
    inspect_command,
    targets_command,
):
    cardc.add_command(_command)


def main() -> None:
    """Entry point: faults of the user's input are printed on standard error, without a traceback."""
    # Brevitas misses a package that would speed up what is not used here.
    warnings.filterwarnings("ignore", message="fast_hadamard_transform")
    try:
        cardc()
    except CompileError as error:
        click.echo(str(error), err=True)
        sys.exit(error.exit_code)
