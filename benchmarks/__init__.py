"""What no test times: speed and size as ratios, and the coverage of intervals over many seeds."""
