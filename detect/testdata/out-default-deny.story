# ufw denies outgoing traffic; nothing allows submission.
at 0s  drop out web-1 10.0.4.17 → 52.98.1.1:587 ×20 every 15s rule="[UFW BLOCK]" retry=2
expect mail-out-blocked host=web-1 dir=out port=587 service=submission rule="[UFW BLOCK]" severity=high state=open attempts=20 packets=60 cause=default-deny-out/likely top=52.98.1.1 first=0s missing~"465" summary~"web-1 cannot send mail" fix~"sudo ufw allow out to any port 587 proto tcp comment 'mail submission'" undo~"sudo ufw delete allow out to any port 587 proto tcp" check="nc -vz -w 5 52.98.1.1 587" fixes=1
