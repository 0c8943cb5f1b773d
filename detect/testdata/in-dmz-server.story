# A mail server behind the firewall.
site servers=192.0.2.25
at 0s   drop forward gw 203.0.113.10 → 192.0.2.25:25 ×60 every 20s sources=20 rule="to-dmz drop: "
expect mail-in-blocked host=gw dir=forward severity=high fix~"iptables -I FORWARD -d 192.0.2.25 -p tcp --dport 25"
