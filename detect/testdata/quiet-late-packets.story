# What comes after a connection is closed: late FIN and RST, from mail servers and to them.
at 0s   drop in mx-1 142.250.102.27:25 → 192.0.2.10 ×90 every 1s flags=RST sources=20 rule="[UFW BLOCK]"
at 0s   drop in mx-1 142.250.102.27:25 → 192.0.2.10 ×90 every 1s flags=ACK+FIN sources=20 rule="[UFW BLOCK]"
at 0s   drop in mx-1 142.250.102.27:587 → 192.0.2.10 ×90 every 1s flags=ACK+RST rule="[UFW BLOCK]"
at 0s   drop out mx-1 → 142.250.102.27:25 ×90 every 1s flags=ACK+FIN rule="[UFW BLOCK]"
at 0s   drop out mx-1 → 142.250.102.27:25 ×90 every 1s flags=RST rule="[UFW BLOCK]"
at 0s   drop out mx-1 → 142.250.102.27:25 ×90 every 1s flags=ACK+PSH+FIN rule="[UFW BLOCK]"
expect nothing
