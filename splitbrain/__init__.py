"""The harness: CLI, runner, places (sim, local, docker), reports. The only installed top-level name."""

__version__ = "0.1.0"
