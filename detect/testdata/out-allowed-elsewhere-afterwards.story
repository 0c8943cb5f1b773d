# Mail to other servers passes now, three times in a row.
at 0s   drop out mx-1 → 198.51.100.1:25 ×9 every 1m dests=9 rule="[UFW BLOCK]"
at 20m  allow out mx-1 → 203.0.113.1:25 ×3 every 1m dests=3 rule="[UFW ALLOW]"
expect mail-out-blocked state=resolved
