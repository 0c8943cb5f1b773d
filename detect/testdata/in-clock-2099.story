# Times far apart are no retries.
at 0s   allow in mx-1 203.0.113.10 → 192.0.2.25:25 ×9 every 1m sources=9 rule="[UFW ALLOW]"
at 0s   drop in mx-1 198.51.100.33 → 192.0.2.25:25 ×2 every 1s rule="drop-net: "
at 5s   drop in mx-1 198.51.100.33 → 192.0.2.25:25 ×2 every 1s rule="drop-net: " clock=2099-01-01T00:00:00Z
expect nothing above info
