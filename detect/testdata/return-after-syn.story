# Our connection goes out, the answer does not come in.
at 0s   allow out web-1 → 52.98.1.1:587 ×5 every 1m rule="out-ok accept"
at 50ms drop in web-1 52.98.1.1:587 → 192.0.2.10 ×5 every 1m flags=SYN+ACK rule="in-drop: " retry=3
expect mail-return-dropped host=web-1 dir=in port=587 severity=high attempts=5 packets=20 cause=stateless-return/certain top=52.98.1.1 fix~"iptables -I INPUT -m conntrack --ctstate ESTABLISHED,RELATED" fix~"ct state established,related accept"
