# A flood from forged addresses at a configured server: each comes once.
site servers=192.0.2.25
at 0s   drop in mx-1 198.18.0.1 → 192.0.2.25:25 ×20,000 every 10ms sources=20000 rule="[UFW BLOCK]"
expect mail-in-blocked severity=info packets=20000 summary~"about "
expect nothing above info
