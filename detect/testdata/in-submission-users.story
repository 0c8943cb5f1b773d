# Users of a submission server who try again and again.
site servers=192.0.2.25
at 0s   drop in mx-1 198.51.100.30 → 192.0.2.25:587 ×30 every 2m sources=5 rule="[UFW BLOCK]"
expect mail-in-blocked port=587 severity=medium summary~"5 senders retrying"
