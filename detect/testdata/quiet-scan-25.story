# Scanners knock at 25 all day.
at 0s   drop in vps 203.0.113.9 → 192.0.2.10:25 ×300 every 100s sources=100 rule="[UFW BLOCK]"
at 5s   drop in vps 198.51.100.9 → 192.0.2.10:465 ×4 every 1h rule="[UFW BLOCK]"
expect mail-in-blocked host=vps severity=info packets=304 summary="300 probes of port 25, 4 of 465 from 101 addresses; no known mail server of yours is among the targets" fixes=0
expect nothing above info
