"""What a person runs: replay, explanation, benchmarks, and the command line."""
