"""Jobs of the whole unit in a simulator: `tb.jobs.<kind>` has `async run(bench_factory, job, player) -> dict`."""
