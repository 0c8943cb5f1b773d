# Hundreds of connections a minute lose their packets: no late ones.
at 0s   drop in mx-1 142.250.102.27:25 → 192.0.2.10 ×600 every 1s flags=ACK sources=20 rule="in-drop: "
expect mail-return-dropped severity=medium cause=stateless-return/possible attempts=600
