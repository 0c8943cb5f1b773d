# Many strangers at the submission ports of a server: bots, each once, and one that comes back.
site servers=192.0.2.25
at 0s   drop in mx-1 203.0.113.10 → 192.0.2.25:587 ×40 every 20s sources=40 rule="[UFW BLOCK]"
at 0s   drop in mx-1 203.0.113.10 → 192.0.2.25:465 ×40 every 20s sources=40 rule="[UFW BLOCK]"
at 0s   drop in mx-1 198.51.100.33 → 192.0.2.25:587 ×9 every 7m rule="[UFW BLOCK]"
expect mail-in-blocked severity=info
expect nothing above info
