# More than the limit lets pass: nothing is cut.
at 0s   drop out mx-1 → 203.0.113.1:25 ×60 every 3s dests=30 rule="[UFW BLOCK]"
expect mail-out-blocked attempts=60 lower=false
