"""`vtd explain`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sim.commands.shared import FILE, BadInput, Hexadecimal, input_of, load

if TYPE_CHECKING:
    from model.reference import DmaRequest

__all__ = ["explain"]

EITHER_EVENT_OR_REQUEST = (
    "name either --event, or --source-id and --address (with --write, --pasid and --after where wanted)"
)


@click.command()
@click.argument("capture", type=FILE)
@click.option("--event", type=click.IntRange(min=1), help="Line in the file (the header is line 1).")
@click.option("--source-id", help="Requester, such as 00:1f.2.")
@click.option("--address", type=Hexadecimal(64), help="Address of that request.")
@click.option("--write", is_flag=True, help="That request is a write, not a read.")
@click.option("--pasid", type=Hexadecimal(20), help="PASID of that request.")
@click.option("--after", type=click.IntRange(min=1), help="Line after which that request comes, the last by default.")
def explain(capture: Path, event: int | None, after: int | None, **request_options: Any) -> None:
    """Explain one request step by step.

    Name an event of CAPTURE with --event, or a request of your own with --source-id and --address.
    """
    from sim.explain import ExplainError, explain_event, explain_request

    try:
        request = _request(**request_options)
        if (event is None) == (request is None) or (event is not None and after is not None):
            raise BadInput(EITHER_EVENT_OR_REQUEST)
        recording = load(capture)
        with input_of(capture):
            if request is None:
                lines = explain_event(recording, event or 0)
            else:
                lines = explain_request(recording, request, after=after)
            for line in lines:
                click.echo(line)
    except ExplainError as error:
        raise BadInput(str(error)) from None


def _request(source_id: str | None, address: int | None, write: bool, pasid: int | None) -> "DmaRequest | None":
    """Return the request that the options describe, None when they are not used."""
    from model.reference import DmaAccess, DmaRequest
    from sim.explain import parse_source_id

    if source_id is None and address is None and not write and pasid is None:
        return None
    if source_id is None or address is None:
        raise BadInput(EITHER_EVENT_OR_REQUEST)
    access = DmaAccess.WRITE if write else DmaAccess.READ
    return DmaRequest(parse_source_id(source_id), address, access, pasid=pasid)
