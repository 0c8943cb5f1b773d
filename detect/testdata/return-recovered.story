# The answers come in again.
at 0s   drop in web-1 52.98.1.1:587 → 192.0.2.10 ×9 every 1m flags=SYN+ACK rule="in-drop: " retry=3
at 1h   allow in web-1 52.98.1.1:587 → 192.0.2.10 flags=SYN+ACK rule="in accept: "
expect mail-return-dropped state=resolved fixes=0
