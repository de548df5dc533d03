"""The harness: CLI, runner, places (sim, local, docker), reports. The only installed top-level name."""
