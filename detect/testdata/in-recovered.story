# The sender gets through in the end.
at 0s   allow in mx-1 203.0.113.10 → 192.0.2.25:25 ×9 every 1m sources=9 rule="[UFW ALLOW]"
at 0s   drop in mx-1 198.51.100.33 → 192.0.2.25:25 ×6 every 7m rule="drop-net: "
at 1h   allow in mx-1 198.51.100.33 → 192.0.2.25:25 rule="[UFW ALLOW]"
expect mail-in-blocked state=resolved summary~"comes in again" fixes=0
