# A scanner's packet for a neighbour, which the switch flooded to us.
at 0s   drop forward vps 203.0.113.9 → 198.51.100.77:25 ×50 every 10s rule="[UFW BLOCK]" in=ens3 out=ens3
expect mail-in-blocked severity=info packets=50 summary~"between addresses that are not yours"
expect nothing above info
