# Mended once, broken again later: what passed in between does not make it half as bad.
at 0s   drop out mx-1 → 203.0.113.1:25 ×9 every 1m rule="[UFW BLOCK]"
at 20m  allow out mx-1 → 203.0.113.1:25 ×9 every 1m rule="[UFW ALLOW]"
at 2h   drop out mx-1 → 203.0.113.1:25 ×15 every 5m rule="[UFW BLOCK]"
expect mail-out-blocked severity=high state=open attempts=24
