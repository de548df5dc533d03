"""Where a node keeps its data: `engine` is the interface, `log` and `memory` implement it."""
