# One flooded server, low and high ports mixed.
at 0s   drop in vps 203.0.113.9:25 → 192.0.2.10:45000 flags=SYN+ACK rule="[UFW BLOCK]" retry=3
at 1s   drop in vps 203.0.113.9:25 → 192.0.2.10:5000 flags=SYN+ACK rule="[UFW BLOCK]" retry=3
at 2s   drop in vps 203.0.113.9:25 → 192.0.2.10:52000 ×3 every 1s flags=SYN+ACK rule="[UFW BLOCK]" retry=3
at 3s   drop in vps 203.0.113.9:25 → 192.0.2.10:61000 flags=SYN+ACK rule="[UFW BLOCK]" retry=3
at 4s   drop in vps 203.0.113.9:25 → 192.0.2.10:33000 flags=SYN+ACK rule="[UFW BLOCK]" retry=3
expect nothing above info
