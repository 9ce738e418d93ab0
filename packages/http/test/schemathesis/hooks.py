"""What no schema can say of a request that is right. Requests that are meant to be wrong stay as they are."""

import os
import uuid

import schemathesis

# The id of a secret of the account: any other cursor is refused.
CURSOR = os.environ["CURSOR"]


@schemathesis.hook
def before_call(context, case, kwargs):
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    names = {name.lower(): name for name in case.headers}
    # A key belongs to one request; a precondition holds or does not.
    if "idempotency-key" in names:
        case.headers[names["idempotency-key"]] = str(uuid.uuid4())
    if "if-match" in names:
        case.headers[names["if-match"]] = "*"
    if case.operation.path == "/v5/sgp/secrets" and case.operation.method.upper() == "GET":
        given = [name for name in ("starting_after", "ending_before") if name in case.query]
        # Of two cursors one is left.
        for name in given[1:]:
            del case.query[name]
        for name in given[:1]:
            case.query[name] = CURSOR
