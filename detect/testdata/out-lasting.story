# Two tries, a quarter of an hour apart: an MTA that retries.
at 0s   drop out web-1 → 52.98.1.1:587 rule="[UFW BLOCK]"
at 15m  drop out web-1 → 52.98.1.1:587 rule="[UFW BLOCK]"
expect mail-out-blocked severity=high attempts=2
