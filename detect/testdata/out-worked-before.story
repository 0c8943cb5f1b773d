# It worked until somebody changed the rules.
at 0s   allow out mx-1 → 203.0.113.1:25 ×9 every 1m dests=3 rule="[UFW ALLOW]"
at 20m  drop out mx-1 → 203.0.113.1:25 ×9 every 1m dests=3 rule="[UFW BLOCK]"
expect mail-out-blocked severity=high state=open summary~"none allowed since 2026-01-05 10:10:00 UTC"
