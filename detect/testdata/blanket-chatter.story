# What hosts say to everybody is not traffic that somebody misses.
at 0s   drop out web-1 → 52.98.1.1:587 ×9 every 1m rule="[UFW BLOCK]"
at 0s   drop out web-1 → 192.168.1.255:0 ×60 every 20s ports=67/udp,137/udp,138/udp,1900/udp,5353/udp,5355/udp dests=5 rule="[UFW BLOCK]"
at 0s   drop out web-1 192.0.2.10:53 → 151.101.1.1:40000 ×60 every 20s dests=9 proto=udp rule="[UFW BLOCK]"
expect mail-out-blocked port=587 severity=high
