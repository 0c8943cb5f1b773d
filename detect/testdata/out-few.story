# One try is not an outage yet.
at 0s  drop out web-1 → 52.98.1.1:587 rule="[UFW BLOCK]" retry=5
expect mail-out-blocked severity=medium attempts=1 packets=6
