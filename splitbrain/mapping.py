"""Between what a client operation says (`workloads/client.py`) and what our node understands.

Workloads know no store, and the store knows no workload; both the simulator and the asyncio places
translate here, so a key or an error means the same everywhere.
"""

from store import messages
from workloads.client import Answer, Delete, Done, Failed, Get, Put, Request, Values


def to_store(request: Request) -> messages.ClientRequest:
    """The node's request. Keys are UTF-8; `quorum` becomes R or W."""
    match request:
        case Get(key=key, quorum=quorum):
            return messages.Get(key.encode(), quorum)
        case Put(key=key, value=value, context=context, quorum=quorum):
            return messages.Put(key.encode(), value, context, quorum)
        case Delete(key=key, context=context, quorum=quorum):
            return messages.Delete(key.encode(), context, quorum)


def to_client(reply: messages.ClientReply) -> Answer:
    """What the client hears. An answer that no client may get is a failure of unknown effect."""
    match reply:
        case messages.Found(values=values, context=context):
            return Values(values, context)
        case messages.Stored():
            return Done()
        case messages.Refused(code=code, definite=definite, message=message):
            return Failed(code, definite, message)
    return Failed("bad-answer", False, f"the node answered with a {type(reply).__name__}")
