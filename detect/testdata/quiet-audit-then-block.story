# The audit line of a packet does not use up the attempt of its block line.
at 0s   observe out web-1 → 52.98.1.1:587 ×5 every 1m rule="[UFW AUDIT]" sport=40100
at 0s   drop out web-1 → 52.98.1.1:587 ×5 every 4m rule="[UFW BLOCK]" sport=40100
expect mail-out-blocked attempts=5 packets=5
