# Some destinations pass while one is blocked.
at 0s   drop out mx-1 → 198.51.100.7:25 ×9 every 1m rule="blocked-net:"
at 30s  allow out mx-1 → 203.0.113.1:25 ×9 every 1m dests=3 rule="[UFW ALLOW]"
at 10m  drop out mx-1 → 198.51.100.7:25 rule="blocked-net:"
expect mail-out-blocked severity=medium state=open summary~"cannot send all of its mail" summary~"9 others allowed"
