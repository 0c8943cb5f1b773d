# "Block everything": one finding, not one for each port.
at 0s   drop out web-1 → 52.98.1.1:587 ×9 every 1m rule="[UFW BLOCK]" retry=2
at 0s   drop out web-1 → 142.250.102.27:25 ×9 every 1m rule="[UFW BLOCK]"
at 0s   drop out web-1 → 9.9.9.9:0 ×30 every 20s ports=53/udp rule="[UFW BLOCK]"
at 0s   drop out web-1 → 151.101.1.1:0 ×30 every 20s ports=80,443 dests=3 rule="[UFW BLOCK]"
at 0s   drop out web-1 → 162.159.200.1:0 ×3 every 5m ports=123/udp rule="[UFW BLOCK]"
expect blanket-deny host=web-1 dir=out severity=high state=open port=0 rule="[UFW BLOCK]" cause=blanket-deny/certain fix~"port 53 proto udp" summary~"tcp 25 (smtp)" fixes=2
