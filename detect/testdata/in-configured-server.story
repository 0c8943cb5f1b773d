# The rule for port 25 is gone: different senders, nothing else of them, some come again.
site servers=192.0.2.25
at 0s   drop in mx-1 203.0.113.10 → 192.0.2.25:25 ×40 every 20s sources=20 rule="[UFW BLOCK]" retry=1
expect mail-in-blocked host=mx-1 dir=in port=25 service=smtp severity=high state=open attempts=40 packets=80 top=192.0.2.25 why~"denied by default" fix~"sudo ufw allow in to 192.0.2.25 port 25 proto tcp"
