# Twenty tries a minute are no mail server.
at 0s   allow in mx-1 203.0.113.10 → 192.0.2.25:587 ×9 every 1m sources=9 rule="[UFW ALLOW]"
at 0s   drop in mx-1 198.51.100.33 → 192.0.2.25:587 ×600 every 3s rule="drop-net: "
expect mail-in-blocked severity=info
expect nothing above info
