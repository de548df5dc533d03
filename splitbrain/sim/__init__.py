"""The simulator: a whole cluster in one process, on virtual time, drawn from a seed."""
