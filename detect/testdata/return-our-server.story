# Our mail server answers, and the firewall drops its answers.
at 0s   drop out mx-1 192.0.2.25:25 → 203.0.113.10 ×12 every 1m flags=SYN+ACK rule="out-drop: " retry=2
expect mail-return-dropped dir=out port=25 severity=high cause=stateless-return/certain summary~"your own mail server"
