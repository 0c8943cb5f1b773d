# Scanners that send from port 25 to port 25: neither answers nor mail.
site servers=192.0.2.10
at 0s   drop in vps 203.0.113.9:25 → 192.0.2.10:25 ×60 every 5m sources=12 rule="[UFW BLOCK]"
expect mail-in-blocked severity=info
expect nothing above info
