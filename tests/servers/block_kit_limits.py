"""Judges Block Kit JSON on standard input by the limits that slack_sdk's models keep, and by three that they miss.

Takes a list of blocks or of attachments. Exit 0: within the limits. Exit 1: what is not, on standard output.
"""

import json
import logging
import sys

from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.blocks import Block

# https://docs.slack.dev/reference/block-kit
BLOCKS_MAX, FIELD_MAX, BUTTON_MAX = 50, 2000, 75
# slack_sdk logs what it does not know; here that is a complaint.
logging.disable(logging.CRITICAL)


def complaints(items):
    attachments = [item for item in items if "type" not in item]
    blocks = [item for item in items if "type" in item]
    blocks += [block for attachment in attachments for block in attachment.get("blocks", [])]
    if len(blocks) > BLOCKS_MAX:
        yield f"{len(blocks)} blocks: at most {BLOCKS_MAX}"
    for place, block in enumerate(blocks):
        for complaint in of_block(block):
            yield f"block {place} ({block.get('type')}): {complaint}"


def of_block(block):
    try:
        parsed = Block.parse(block)
        if parsed is None:
            yield "unknown type"
        else:
            parsed.validate_json()
    except (SlackObjectFormationError, TypeError, ValueError) as error:
        yield str(error)
    for field in block.get("fields", []):
        if len(field.get("text", "")) > FIELD_MAX:
            yield f"a field longer than {FIELD_MAX} characters"
    for element in [*block.get("elements", []), block.get("accessory", {})]:
        if element.get("type") == "button" and len(element["text"]["text"]) > BUTTON_MAX:
            yield f"a button's text longer than {BUTTON_MAX} characters"


found = list(complaints(json.load(sys.stdin)))
if found:
    print("\n".join(found))
    sys.exit(1)
