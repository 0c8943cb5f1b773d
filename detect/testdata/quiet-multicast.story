# Nobody gets mail at a group's address.
at 0s   drop out web-1 → 224.0.0.5:25 ×9 every 1m rule="[UFW BLOCK]"
at 0s   drop out web-1 → 255.255.255.255:587 ×9 every 1m rule="[UFW BLOCK]"
at 0s   drop out web-1 → [ff02::1]:587 ×9 every 1m rule="[UFW BLOCK]"
expect nothing
