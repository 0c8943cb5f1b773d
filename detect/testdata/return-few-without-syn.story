# Five answers: possible, no more.
at 0s   drop in web-1 52.98.1.1:587 → 192.0.2.10 ×5 every 1m flags=SYN+ACK rule="in-drop: " retry=3
expect mail-return-dropped severity=medium cause=stateless-return/possible
