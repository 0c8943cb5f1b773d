# Mail does not use UDP.
at 0s   drop out web-1 → 52.98.1.1:587 ×9 every 1m proto=udp rule="[UFW BLOCK]"
at 0s   drop in web-1 203.0.113.9 → 192.0.2.10:25 ×9 every 1m proto=udp rule="[UFW BLOCK]"
expect nothing
