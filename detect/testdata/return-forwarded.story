# A client's connection through the gateway.
at 0s   allow forward gw 192.168.1.20 → 52.98.1.1:587 ×4 every 1m rule="fwd accept"
at 50ms drop forward gw 52.98.1.1:587 → 192.168.1.20 ×4 every 1m flags=SYN+ACK rule="fwd-drop: " in=eth1 out=eth0
expect mail-return-dropped dir=forward severity=high cause=stateless-return/certain fix~"iptables -I FORWARD -m conntrack"
