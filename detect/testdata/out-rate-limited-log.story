# ufw logs three lines a minute: what it shows is a lower bound.
at 0s   drop out mx-1 → 203.0.113.1:25 ×30 every 20s dests=30 rule="[UFW BLOCK]"
expect mail-out-blocked attempts=30 lower=true
