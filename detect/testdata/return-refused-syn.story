# Our own SYN was blocked: what answers then answers somebody else.
at 0s   drop out web-1 → 203.0.113.9:25 ×2 every 1m rule="[UFW BLOCK]"
at 1s   drop in web-1 203.0.113.9:25 → 192.0.2.10 ×2 every 1m flags=SYN+ACK rule="[UFW BLOCK]"
expect mail-out-blocked severity=medium
