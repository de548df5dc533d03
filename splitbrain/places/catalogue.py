"""Which places there are, what a nemesis can do in each, and how one is opened.

The table is read before anything is started, so that asking for an impossible pair of fault and place
costs nothing. Places are imported when they are opened: the simulator needs no Docker SDK.
"""

from contextlib import AbstractContextManager

from splitbrain.places.place import ClusterSpec, Place

ABILITIES: dict[str, frozenset[str]] = {
    "sim": frozenset({"links", "kill", "pause"}),
    "local": frozenset({"links", "kill", "pause"}),
    "docker": frozenset({"links", "kill", "pause"}),
}


def abilities(place: str) -> frozenset[str]:
    """What a nemesis may ask of the place."""
    return ABILITIES[place]


def open_place(place: str, spec: ClusterSpec) -> AbstractContextManager[Place]:
    """The place, ready to be entered."""
    match place:
        case "sim":
            from splitbrain.sim.place import SimPlace

            return SimPlace(spec)
        case "local":
            from splitbrain.places.local import LocalPlace

            return LocalPlace(spec)
        case "docker":
            from splitbrain.places.containers import DockerPlace

            return DockerPlace(spec)
    raise AssertionError(f"validated before: {place}")
