# Other services are other people's business.
at 0s   drop out web-1 → 52.98.1.1:443 ×90 every 1m rule="[UFW BLOCK]"
at 0s   drop in web-1 203.0.113.9 → 192.0.2.10:22 ×90 every 1m rule="[UFW BLOCK]"
expect nothing
