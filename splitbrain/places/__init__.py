"""Where a cluster runs: sim, local, docker. One file or folder each, all behind `place.Place`."""
