# Between two hosts of ours: worth knowing, but nobody outside waits.
at 0s   drop out web-1 10.0.4.17 → 10.0.0.25:25 ×9 every 1m rule="[UFW BLOCK]"
expect mail-out-blocked severity=medium summary~"another host of yours"
