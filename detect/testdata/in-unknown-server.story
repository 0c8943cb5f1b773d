# Senders that retry at a host of which nobody said, or saw, that it takes mail: no alert, but a hint.
at 0s   drop in vps 198.51.100.33 → 192.0.2.10:25 ×18 every 7m sources=3 rule="[UFW BLOCK]"
expect mail-in-blocked severity=info missing~"whether 192.0.2.10 takes mail: 3 senders come back"
expect nothing above info
