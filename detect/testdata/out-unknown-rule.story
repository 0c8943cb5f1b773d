# The same, but it stops something else as well: nobody knows why it is there.
at 0s  drop out mx-1 → 198.51.100.7:25 ×6 every 5m rule="R42"
at 9s  drop out mx-1 → 198.51.100.9:8081 ×2 every 5m rule="R42"
expect mail-out-blocked cause=unknown/possible severity=high why~"other services as well"
