# Scanners at a mail server: they touch other ports as well.
site servers=192.0.2.25
at 0s   drop in mx-1 203.0.113.10 → 192.0.2.25:0 ×400 every 20s sources=17 ports=22,23,25,80,443,3389,5900,8080,110,143,993,25 rule="[UFW BLOCK]"
at 3s   drop in mx-1 203.0.113.10 → 192.0.2.25:25 ×40 every 3m sources=17 rule="[UFW BLOCK]"
expect mail-in-blocked severity=info summary~"do not look like mail"
expect nothing above info
