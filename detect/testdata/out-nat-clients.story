# Clients behind a gateway: their private addresses are ours without any configuration.
at 0s   drop forward gw 192.168.1.20 → 142.250.102.108:465 ×40 every 10s sources=8 rule="fw-drop-mail: "
expect mail-out-blocked host=gw dir=forward port=465 service=submissions severity=high attempts=40 summary~"8 clients behind gw (most: 192.168.1.20)"
