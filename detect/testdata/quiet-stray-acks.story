# A few ACKs after the state has timed out.
at 0s   drop in mx-1 142.250.102.27:25 → 192.0.2.10 ×40 every 30s flags=ACK sources=20 rule="[UFW BLOCK]"
at 0s   drop in mx-1 142.250.102.27:25 → 192.0.2.10 ×2 every 30s flags=ACK+PSH sources=20 rule="[UFW BLOCK]"
expect mail-return-dropped severity=info attempts=42 cause=unknown/likely fixes=0
expect nothing above info
