# The log shows that this host takes mail; one sender is stopped, and comes again and again as mail servers do.
at 0s   allow in mx-1 203.0.113.10 → 192.0.2.25:25 ×9 every 1m sources=9 rule="[UFW ALLOW]"
at 0s   drop in mx-1 198.51.100.33 → 192.0.2.25:25 ×6 every 7m rule="drop-net: "
expect mail-in-blocked severity=medium attempts=6 summary~"198.51.100.33" summary~"9 allowed" summary~"retrying as mail servers do"
