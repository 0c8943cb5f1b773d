# Banned addresses retry as stubbornly as mail servers. Stopping them is what the rule is for.
at 0s   allow in mx-1 203.0.113.10 → 192.0.2.25:25 ×9 every 1m sources=9 rule="[UFW ALLOW]"
at 0s   drop in mx-1 198.51.100.33 → 192.0.2.25:25 ×60 every 7m rule="f2b-postfix-banned: "
at 0s   reject in mx-1 198.51.100.34 → 192.0.2.25:587 ×60 every 3m rule="[UFW LIMIT BLOCK]"
expect mail-in-blocked severity=info packets=120
expect nothing above info
