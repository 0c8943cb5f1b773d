# Lines that could not be read, or have no time, make no finding.
at 0s   drop out web-1 → 52.98.1.1:587 ×20 every 1m rule="[UFW BLOCK]" error="line ends early"
at 0s   drop out web-1 → 52.98.1.1:587 ×20 every 1m rule="[UFW BLOCK]" time=none
expect nothing
