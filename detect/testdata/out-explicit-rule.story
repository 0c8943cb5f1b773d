# An administrator's own rule names mail, and stops nothing else.
at 0s  drop out mx-1 → 198.51.100.7:25 ×6 every 5m dests=6 rule="no-smtp-out:"
expect mail-out-blocked host=mx-1 port=25 severity=high attempts=6 packets=6 dests=6 cause=explicit-rule/certain fixes=2 fix~"iptables -I OUTPUT -p tcp --dport 25" fix~"nft insert rule"
