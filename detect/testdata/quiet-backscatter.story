# Somebody floods mail servers in our name: their answers come from everywhere to ports we never used.
at 0s   drop in vps 203.0.113.9:25 → 192.0.2.10:1200 ×40 every 1s flags=SYN+ACK sources=30 rule="[UFW BLOCK]" retry=2
at 1s   drop in vps 203.0.113.9:25 → 192.0.2.10:45000 ×40 every 1s flags=SYN+ACK sources=30 rule="[UFW BLOCK]" retry=2
at 0s   drop in vps 203.0.113.9:23456 → 192.0.2.10:45000 ×40 every 1s flags=SYN+ACK sources=30 rule="[UFW BLOCK]" retry=2
expect mail-return-dropped severity=info fixes=0 attempts=60
expect nothing above info
